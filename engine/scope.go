package engine

import "bellows.dev/bellows/hosting"

// Scope is the account and region that a request was signed for. State is kept per scope: two scopes share nothing.
type Scope struct {
	Account string // twelve digits
	Region  string // for example us-east-1
}

// ScopeName returns the name of a scope in logs: its account and region with a slash between. It is no method, which types that embed a Scope would
// have as well.
func ScopeName(s Scope) string { return s.Account + "/" + s.Region }

// EndpointKey names an endpoint across scopes.
type EndpointKey struct {
	Scope
	Endpoint string
}

// VariantKey names a production variant across scopes.
type VariantKey struct {
	Scope
	Endpoint string
	Variant  string
}

// FleetLevel is the wanted state of one fleet of a variant: all of its instances, none besides. Levels of the same key and generation
// replace one another; a level without instances means that all of the fleet's instances should be stopped at once (a deleted endpoint
// drains first: its instances stay in the level, Draining, until they are gone).
type FleetLevel struct {
	Key        VariantKey
	Generation hosting.Generation
	Instances  []hosting.InstanceSpec // sorted by ID
}
