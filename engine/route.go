package engine

import (
	"strconv"
	"time"

	"bellows.dev/bellows/hosting"
)

// Route tells a gateway everything about one endpoint: whether it takes invocations and which copies serve them. Routes
// replace one another; a nil Variants slice with Serving false means that the endpoint is gone.
type Route struct {
	Key      EndpointKey
	Serving  bool // false: invocations get AWS's "Endpoint … not found"
	Variants []VariantRoute
}

// VariantRoute is one production variant's share of an endpoint's invocations.
type VariantRoute struct {
	Name   string
	Weight float64 // share of the traffic is Weight / sum of weights; 0 gets only invocations that name the variant

	Fleets  []FleetRoute  // that share the variant's invocations, sorted by generation
	Timeout time.Duration // for one invocation of the model; 60 s at AWS

	Concurrency int // invocations that one copy works on at a time; 0: as the gateway has it for the fleet's image

	// AtZero: there are no instances in service because the variant is scaled to zero, or on its way back from there. Held: requests
	// wait meanwhile, and a gateway asks for the variant to be woken (WakeRequested).
	AtZero, Held bool
}

// FleetRoute is one fleet of a variant. Several of them share its traffic while a deployment moves it from one to the next.
type FleetRoute struct {
	Generation hosting.Generation

	// Weight: the share of the variant's invocations is Weight / sum of the weights of its fleets that have copies; 0 gets none but those of
	// sessions that are there already.
	Weight float64

	Strategy RoutingStrategy
	Image    string      // of its model
	Copies   []CopyRoute // in service now, sorted by ID; may be empty
}

// CopyRoute is one copy in service.
type CopyRoute struct {
	ID       hosting.CopyID
	Instance hosting.InstanceID // that holds it
	Address  string             // host:port
}

// Routing strategies of a production variant's RoutingConfig.
const (
	RouteRandom           RoutingStrategy = iota + 1 // uniform over the copies
	RouteLeastOutstanding                            // the copy with the fewest invocations in flight
)

// RoutingStrategy says how a copy of a fleet is picked.
type RoutingStrategy int

// String returns SageMaker's name of the strategy.
func (s RoutingStrategy) String() string {
	switch s {
	case RouteRandom:
		return "RANDOM"
	case RouteLeastOutstanding:
		return "LEAST_OUTSTANDING_REQUESTS"
	default:
		return "invalid"
	}
}

// ConcurrencyTag is the tag of an endpoint that says how many invocations one copy works on at a time; with a colon and a
// variant's name behind it, one of that variant: "bellows:max-concurrency:blue".
const ConcurrencyTag = "bellows:max-concurrency"

// ConcurrencyMax is the most that ConcurrencyTag may say.
const ConcurrencyMax = 100_000

// concurrency is what an endpoint's tags say of a variant; 0: nothing, or nothing that is a number from 1 on.
func concurrency(x *hosting.Endpoint, variant string) int {
	text := x.Tags.Value(ConcurrencyTag + ":" + variant)
	if text == "" {
		text = x.Tags.Value(ConcurrencyTag)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > ConcurrencyMax {
		return 0
	}
	return n
}
