package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/timeline"
)

// historyMax is how many events of an endpoint are returned, the newest.
const historyMax = 100

// endpointView is one endpoint with its variants and instances.
type endpointView struct {
	Now      time.Time `json:"now"`
	Region   string    `json:"region"`
	Endpoint string    `json:"endpoint"`
	Status   string    `json:"status"`
	Config   string    `json:"config"`
	Replaced string    `json:"replaced,omitempty"` // the config in use before, to roll back to
	Exists   bool      `json:"replaced_exists"`    // that config has not been deleted
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	Failure  string    `json:"failure,omitempty"` // why the last change failed
	Waiting  string    `json:"waiting,omitempty"` // what the change under way waits for

	Deployment *deployment        `json:"deployment,omitempty"` // the update under way
	Variants   []endpointVariant  `json:"variants"`
	Instances  []endpointInstance `json:"instances"`
	History    []endpointEvent    `json:"history"` // newest first
}

// deployment is an UpdateEndpoint under way.
type deployment struct {
	Config   string    `json:"config"`
	Started  time.Time `json:"started"`
	RetireAt time.Time `json:"retire_at,omitzero"` // when the old instances may go; zero until traffic has moved
}

// endpointVariant is a variant as the home page has it, with its model and weights.
type endpointVariant struct {
	variantRow
	Model         string  `json:"model"`
	Weight        float64 `json:"weight"`
	DesiredWeight float64 `json:"desired_weight"`
}

// endpointInstance is an instance of an endpoint.
type endpointInstance struct {
	ID        string           `json:"id"`
	Variant   string           `json:"variant"`
	Fleet     int              `json:"generation"` // of its fleet: an update makes the next
	State     string           `json:"state"`      // Pending, InService or Terminating
	Started   time.Time        `json:"started"`    // when it was asked for
	Copies    int              `json:"copies"`
	Ready     int              `json:"ready"` // copies that take invocations
	Failures  int              `json:"failures"`
	Reason    string           `json:"reason,omitempty"`    // of the last failure, or why it is not ready
	ReasonAt  time.Time        `json:"reason_at,omitzero"`  // when that was reported
	Unhealthy string           `json:"unhealthy,omitempty"` // what /ping answers while it starts
	Ejected   string           `json:"ejected,omitempty"`   // why it is not routed to for a while
	Stages    []timeline.Stage `json:"stages"`              // of its newest start, wall time
}

// endpointEvent is a change of an endpoint's status, or a failure of an instance.
type endpointEvent struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // status, failure or routing
	Text string    `json:"text"`
	Why  string    `json:"why,omitempty"`
}

// getEndpoint answers GET endpoint.
func (c *Console) getEndpoint(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "region", "endpoint")
	s, name := c.scope(p, id), p.required("endpoint")
	if p.err != nil {
		return p.err
	}
	var out *endpointView
	if err := c.view(r.Context(), func(now time.Time, e *engine.Engine) {
		out = nil
		if g := e.Region(s); g != nil {
			if x, err := g.Hosting.Endpoint(name); err == nil {
				out = viewOf(now, g, x)
			}
		}
	}); err != nil {
		return err
	}
	if out == nil {
		return &apiError{http.StatusNotFound, "NotFound", fmt.Sprintf("There is no endpoint %s in %s.", name, s.Region)}
	}
	if err := c.addStates(r.Context(), id.Account, out); err != nil {
		return err
	}
	var err error
	if out.History, err = c.endpointHistory(r.Context(), s, name); err != nil {
		return err
	}
	return c.write(w, out)
}

// addStates adds to the variants the alarms in ALARM and the warnings, which are those of the home page.
func (c *Console) addStates(ctx context.Context, account string, x *endpointView) error {
	_, all, _, err := c.variants(ctx, account)
	if err != nil {
		return err
	}
	for i := range x.Variants {
		v := &x.Variants[i]
		for n := range all {
			if row := &all[n]; row.Region == v.Region && row.Endpoint == v.Endpoint && row.Variant == v.Variant {
				v.InAlarm, v.Warnings = row.InAlarm, row.Warnings
			}
		}
	}
	return nil
}

// viewOf reads an endpoint.
func viewOf(now time.Time, g *engine.Region, x *hosting.Endpoint) *endpointView {
	out := &endpointView{
		Now: now, Region: g.Scope.Region, Endpoint: x.Name, Status: x.Status.String(), Config: x.Config, Replaced: x.Replaced,
		Created: x.Created, Modified: x.Modified, Failure: x.FailureReason, Waiting: x.Waiting(),
		Variants: []endpointVariant{}, Instances: []endpointInstance{}, History: []endpointEvent{},
	}
	_, out.Exists = g.Hosting.Configs[x.Replaced]
	if d := x.Deployment; d != nil {
		out.Deployment = &deployment{d.Config, d.Started, d.RetireAt}
	}
	for _, v := range x.Shown() {
		out.Variants = append(out.Variants, endpointVariant{rowOf(now, g, x, v), v.Model.Name, v.CurrentWeight, v.DesiredWeight})
	}
	for _, v := range x.All() {
		for _, i := range v.Instances {
			out.Instances = append(out.Instances, instanceOf(v, i))
		}
	}
	return out
}

func instanceOf(v *hosting.Variant, i *hosting.Instance) endpointInstance {
	out := endpointInstance{
		ID: string(i.ID), Variant: v.Config.Name, Fleet: int(v.Generation), State: i.State.String(), Started: i.Started, Copies: len(i.Copies),
		Stages: []timeline.Stage{},
	}
	out.Reason, out.Failures = i.Failure()
	for n, c := range i.Copies {
		if c.Ready {
			out.Ready++
		}
		if c.Reason == out.Reason && c.ReasonAt.After(out.ReasonAt) {
			out.ReasonAt = c.ReasonAt
		}
		if out.Unhealthy == "" {
			out.Unhealthy = c.Unhealthy
		}
		if out.Ejected == "" {
			out.Ejected = c.Ejected
		}
		if n == 0 {
			out.Stages = append(out.Stages, timeline.StagesOf(c.Stages)...)
		}
	}
	return out
}

// endpointHistory reads the newest events of an endpoint: changes of its status, failures of its instances, and what is not routed to. Instances
// have far more events than the endpoint, so that each kind is read by itself.
func (c *Console) endpointHistory(ctx context.Context, s engine.Scope, name string) ([]endpointEvent, error) {
	out := []endpointEvent{}
	for _, kind := range []string{log.TypeStatus, log.TypeInstance} {
		got, err := c.o.Past.Events(ctx, log.EventQuery{
			Scope: engine.ScopeName(s), Table: log.TableEndpoint, Key: name, Types: []string{kind}, Limit: 3 * historyMax,
		})
		if err != nil {
			return nil, err
		}
		for _, x := range got {
			switch e := x.Event.(type) {
			case engine.EndpointChanged:
				out = append(out, endpointEvent{x.At, "status", timeline.StatusTitle(e), e.Reason})
			case engine.InstanceChanged:
				if e.Report.State == hosting.FleetFailed {
					out = append(out, endpointEvent{x.At, "failure", "Instance " + string(e.Report.ID) + " of " + e.Key.Variant + " failed", e.Report.Reason})
				}
			case engine.EjectionChanged:
				out = append(out, endpointEvent{x.At, "routing", e.String(), ""})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b endpointEvent) int { return b.At.Compare(a.At) })
	return out[:min(historyMax, len(out))], nil
}
