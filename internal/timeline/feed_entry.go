package timeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// causedWithin is how long after its transition an alarm causes an activity that stands for the transition in a feed.
const causedWithin = time.Minute

// add adds the entry of a row, if it makes one.
func (f *feed) add(ctx context.Context, s *feedSource, x engine.Recorded) error {
	switch e := x.Event.(type) {
	case engine.InstanceActivityChanged:
		return f.addChange(ctx, s, e.Activity)
	case engine.ActivityChanged:
		return f.addActivity(ctx, s.scope, e.Activity)
	case engine.ScheduledActionRan:
		f.addSingle(s.scope, placeOf(e.Run.Key), single(x.At, "schedule", "Scheduled action "+e.Run.Action+" ran", e.Run.String()))
	case engine.MaxCapacityRaised:
		text := fmt.Sprintf("Predictive scaling policy %s raised the maximum capacity from %d to %d.", e.Policy, e.From, e.To)
		f.addSingle(s.scope, placeOf(e.Target), single(x.At, "schedule", "Maximum capacity raised", text))
	case engine.EndpointChanged:
		f.addSingle(s.scope, place{e.Key.Endpoint, ""}, single(x.At, "endpoint", StatusTitle(e), e.Reason))
	case engine.EjectionChanged:
		f.addSingle(s.scope, place{e.Key.Endpoint, e.Key.Variant}, single(x.At, "failure", "Instance left out of routing, or back in it", e.String()))
	case engine.InstanceChanged:
		if e.Report.State == hosting.FleetFailed {
			f.addSingle(s.scope, place{e.Key.Endpoint, e.Key.Variant}, single(x.At, "failure", "Instance "+string(e.Report.ID)+" failed", e.Report.Reason))
		}
	case engine.AlarmTransition:
		return f.addAlarm(ctx, s.scope, x.At, &e)
	}
	return nil
}

// placeOf returns the variant of a target.
func placeOf(k scaling.TargetKey) place {
	endpoint, variant, _ := k.Variant()
	return place{endpoint, variant}
}

// addSingle adds a group about a variant.
func (f *feed) addSingle(s engine.Scope, p place, g Group) {
	if !f.about(p) {
		return
	}
	g.ID = strings.Join([]string{s.Region, p.endpoint, p.variant, g.ID}, "/")
	f.put(FeedEntry{Group: g, Region: s.Region, Endpoint: p.endpoint, Variant: p.variant})
}

// addAlarm adds a transition, unless an activity stands for it.
func (f *feed) addAlarm(ctx context.Context, s engine.Scope, at time.Time, e *engine.AlarmTransition) error {
	name := scopedName{s, e.Alarm}
	if e.To == alarm.InAlarm && f.wants("change") {
		if err := f.lookAhead(ctx, s); err != nil {
			return err
		}
		for _, began := range f.caused[name] {
			if !began.Before(at) && began.Sub(at) <= causedWithin {
				return nil
			}
		}
	}
	g := single(at, "alarm", f.types.AlarmLabel(e.Alarm)+map[alarm.State]string{
		alarm.InAlarm: " went into ALARM", alarm.OK: " is OK", alarm.InsufficientData: " has insufficient data",
	}[e.To], e.Reason)
	g.Alarm = e.Alarm
	g.ID += "-" + e.Alarm
	f.addSingle(s, f.places[name], g)
	return nil
}

// lookAhead reads which alarms caused activities shortly after the newest row of a page: those activities are on the page before.
func (f *feed) lookAhead(ctx context.Context, s engine.Scope) error {
	if f.q.Cursor == "" || f.ahead[s] {
		return nil
	}
	f.ahead[s] = true
	rows, err := f.s.Events(ctx, log.EventQuery{
		Scope: engine.ScopeName(s), Table: log.TableActivity, From: f.top, To: f.top.Add(causedWithin), Oldest: true, Limit: 1000,
	})
	for _, x := range rows {
		if e, ok := x.Event.(engine.ActivityChanged); ok {
			f.noteCause(s, &e.Activity)
		}
	}
	return err
}

// noteCause notes the alarm that caused an activity.
func (f *feed) noteCause(s engine.Scope, a *scaling.Activity) {
	if a.Cause.Alarm != "" {
		name := scopedName{s, a.Cause.Alarm}
		f.caused[name] = append(f.caused[name], a.Start)
	}
}

// addChange adds the change of the desired capacity that an instance followed, at the first row of it.
func (f *feed) addChange(ctx context.Context, s *feedSource, a scaling.InstanceActivity) error {
	why, p := a.Why, placeOf(a.Group)
	if why.Cause.Kind == 0 || why.From == why.To || !f.about(p) {
		return nil
	}
	key := fmt.Sprintf("%s/%s@%d", p.endpoint, p.variant, why.At.UnixNano())
	if s.last == key {
		return nil
	}
	s.last = key
	b := f.builderOf(s.scope, p, why.At)
	if err := b.readChange(ctx, f.s); err != nil {
		return err
	}
	for i := range b.activities {
		f.noteCause(s.scope, &b.activities[i])
	}
	b.arrange()
	c := Change{At: why.At, From: why.From, To: why.To, By: by(why.Cause.Kind), Cause: why.Cause.String()}
	f.addSingle(s.scope, p, b.changeGroup(c, map[string]map[time.Time]bool{}))
	return nil
}

// builderOf returns a builder of what happened to a variant at a moment.
func (f *feed) builderOf(s engine.Scope, p place, at time.Time) *builder {
	q := Query{Scope: s, Endpoint: p.endpoint, Variant: p.variant, From: at, To: at.Add(time.Nanosecond)}
	return &builder{q: q, t: &Timeline{}, types: f.types, moves: map[string][]move{}, decided: map[time.Time]scaling.Decision{}}
}

// addActivity adds an activity that no instance followed.
func (f *feed) addActivity(ctx context.Context, s engine.Scope, a scaling.Activity) error {
	f.noteCause(s, &a)
	p := placeOf(a.Key)
	if a.Cause.Kind == scaling.CauseSchedule || !f.about(p) {
		return nil // the run of the scheduled action stands for it
	}
	b := f.builderOf(s, p, a.Start)
	if a.NotScaled.Code == 0 {
		followed := false
		if err := b.at(ctx, f.s, log.TableGroup, b.q.target().VariantName(), func(x engine.Event) {
			l, ok := x.(engine.InstanceActivityChanged)
			followed = followed || ok && l.Activity.Why.Cause.Kind != 0 && l.Activity.Why.From != l.Activity.Why.To
		}); err != nil || followed {
			return err // the change stands for it
		}
	}
	if err := b.readTransition(ctx, f.s, a.Cause.Alarm); err != nil {
		return err
	}
	f.addSingle(s, p, b.activityGroup(a, map[string]map[time.Time]bool{}))
	return nil
}

// at reads the rows of a key at the builder's moment.
func (b *builder) at(ctx context.Context, s Sources, table, key string, each func(engine.Event)) error {
	rows, err := s.Events(ctx, log.EventQuery{Scope: engine.ScopeName(b.q.Scope), Table: table, Key: key, From: b.q.From, To: b.q.To, Limit: rowsMax, Oldest: true})
	for _, x := range rows {
		each(x.Event)
	}
	return err
}

// readChange reads what belongs to the change of the builder's moment.
func (b *builder) readChange(ctx context.Context, s Sources) error {
	key := b.q.target()
	if err := b.at(ctx, s, log.TableGroup, key.VariantName(), func(x engine.Event) {
		if a, ok := x.(engine.InstanceActivityChanged); ok {
			b.launches = append(b.launches, a.Activity)
		}
	}); err != nil {
		return err
	}
	if err := b.at(ctx, s, log.TableActivity, key.ResourceID, func(x engine.Event) {
		if a, ok := x.(engine.ActivityChanged); ok {
			b.activities = append(b.activities, a.Activity)
		}
	}); err != nil {
		return err
	}
	if err := b.at(ctx, s, log.TableDecision, key.ResourceID, func(x engine.Event) {
		if d, ok := x.(engine.Decided); ok && d.Decision.Acted {
			b.decided[b.q.From] = d.Decision
		}
	}); err != nil {
		return err
	}
	for i := range b.activities {
		if err := b.readTransition(ctx, s, b.activities[i].Cause.Alarm); err != nil {
			return err
		}
	}
	return b.readStages(ctx, s)
}

// readTransition reads the last transition of an alarm until the builder's moment.
func (b *builder) readTransition(ctx context.Context, s Sources, name string) error {
	if name == "" {
		return nil
	}
	rows, err := s.Events(ctx, log.EventQuery{
		Scope: engine.ScopeName(b.q.Scope), Table: log.TableAlarm, Key: name, Types: []string{log.TypeState}, To: b.q.To, Limit: 1,
	})
	for _, x := range rows {
		if m, ok := x.Event.(engine.AlarmTransition); ok {
			b.moves[name] = []move{{x.At, m.From, m.To}}
		}
	}
	return err
}

// readStages reads the stages of the start that ended last.
func (b *builder) readStages(ctx context.Context, s Sources) error {
	var last *scaling.InstanceActivity
	for i := range b.launches {
		if a := &b.launches[i]; a.Launch && !a.End.IsZero() && (last == nil || a.End.After(last.End)) {
			last = a
		}
	}
	if last == nil {
		return nil
	}
	rows, err := s.Events(ctx, log.EventQuery{
		Scope: engine.ScopeName(b.q.Scope), Table: log.TableEndpoint, Key: b.q.Endpoint, Types: []string{log.TypeInstance},
		From: last.End, To: last.End.Add(time.Nanosecond), Limit: rowsMax,
	})
	for _, x := range rows {
		if e, ok := x.Event.(engine.InstanceChanged); ok && string(e.Report.ID) == last.Instance {
			if stages := StagesOf(e.Report.Stages); stages != nil {
				b.t.Lives = []Life{{ID: last.Instance, Stages: stages}}
			}
		}
	}
	return err
}

// effects are what requests cause at once, by operation: kinds of entries, and of changes of capacity by what made them.
var effects = map[string][]string{
	"CreateEndpoint": {"deployment", "endpoint"}, "UpdateEndpoint": {"deployment", "endpoint"}, "DeleteEndpoint": {"deployment", "endpoint"},
	"UpdateEndpointWeightsAndCapacities": {"hand", "endpoint"}, "RegisterScalableTarget": {"bounds"}, "SetAlarmState": {"alarm"},
	"ExecutePolicy": {"policy"}, "SetDesiredCapacity": {"hand"}, "UpdateAutoScalingGroup": {"hand", "bounds"}, "TerminateInstanceInAutoScalingGroup": {"hand"},
}

// addWrite adds a request.
func (f *feed) addWrite(r *audit.Record) {
	in, p := targetOfRequest(r)
	if f.q.Region != "" && r.AWSRegion != f.q.Region || f.q.Endpoint != "" && !strings.EqualFold(f.q.Endpoint, p.endpoint) || !f.about(p) {
		return
	}
	w := &Write{
		Operation: r.EventName, User: r.UserIdentity.UserName, AccessKeyID: r.UserIdentity.AccessKeyID, SourceIP: r.SourceIP, Console: r.FromConsole == "true",
		Error: r.ErrorCode, Message: r.ErrorMessage, about: p, alarm: in.AlarmName, reason: in.StateReason,
	}
	g := single(r.EventTime, kindWrite, r.EventName, "")
	if g.ID = "write-" + r.EventID; w.Error != "" {
		g.Kind, g.Cause, g.Status = kindRefused, w.Message, w.Error
	}
	g.Alarm, g.Policy = in.AlarmName, in.PolicyName
	f.put(FeedEntry{Group: g, Region: r.AWSRegion, Endpoint: p.endpoint, Variant: p.variant, Write: w})
}

// requestNames are the members of requests that name what they are about.
type requestNames struct{ EndpointName, ResourceID, AlarmName, StateReason, PolicyName, AutoScalingGroupName string }

// targetOfRequest returns what a request was about.
func targetOfRequest(r *audit.Record) (in requestNames, p place) {
	_ = json.Unmarshal(r.Request, &in) // a request that was refused before it was decoded has none
	if k := (scaling.TargetKey{ResourceID: in.ResourceID}); in.ResourceID != "" {
		p = placeOf(k)
	} else if k, ok := scaling.ParseGroupName(in.AutoScalingGroupName); ok {
		p = placeOf(k)
	}
	if p.endpoint = cmp.Or(p.endpoint, in.EndpointName); p.endpoint == "" {
		for _, x := range r.Resources {
			if _, name, found := strings.Cut(x.ARN, ":endpoint/"); found {
				p.endpoint = name
			}
		}
	}
	return in, p
}

// join joins a request and what it caused: where x belongs to an entry of the page, it becomes part of that and join reports true.
func (f *feed) join(x *FeedEntry) bool {
	for i := len(f.out) - 1; i >= 0; i-- {
		y := &f.out[i]
		switch {
		case y.At.Sub(x.At) > f.window():
			return false
		case caused(y, x), x.Kind == "endpoint" && y.Kind == "change" && y.At.Equal(x.At) && y.Region == x.Region && y.Endpoint == x.Endpoint: // its status follows
			y.absorb(x)
			return true
		case x.Kind == kindWrite && y.Write == nil && y.At.Sub(x.At) < time.Millisecond && caused(x, y): // its time is cut to the millisecond
			at := x.At
			x.absorb(y)
			x.At, *y = y.At, *x
			y.Events[0].At = at
			f.joinMore(i, x)
			return true
		}
	}
	return false
}

// joinMore joins what else the request of entry i caused.
func (f *feed) joinMore(i int, x *FeedEntry) {
	for n := i - 1; n >= 0 && f.out[n].At.Sub(x.At) < time.Millisecond; n-- {
		if caused(&f.out[i], &f.out[n]) {
			f.out[i].absorb(&f.out[n])
			f.out = slices.Delete(f.out, n, n+1)
			i--
		}
	}
}

// caused reports whether x is what the request of w caused.
func caused(w, x *FeedEntry) bool {
	if w.Write == nil || w.Write.Error != "" || x.Write != nil || w.Region != x.Region {
		return false
	}
	what := effects[w.Write.Operation]
	if x.Kind == "alarm" {
		return slices.Contains(what, x.Kind) && w.Write.alarm == x.Alarm && w.Write.reason == x.Cause
	}
	return (slices.Contains(what, x.Kind) || x.By != "" && slices.Contains(what, x.By)) && strings.EqualFold(w.Write.about.endpoint, x.Endpoint) &&
		(w.Write.about.variant == "" || w.Write.about.variant == x.Variant)
}

// absorb makes x part of an entry, which shows the change of capacity if there is one.
func (w *FeedEntry) absorb(x *FeedEntry) {
	if len(w.Events) == 0 && w.Write != nil {
		w.Events = []Event{{w.At, kindWrite, w.Write.String()}}
	}
	if len(x.Events) == 0 {
		w.Events = append(w.Events, Event{x.At, x.Kind, strings.TrimSuffix(x.Title+": "+x.Cause, ": ")})
	}
	w.Events = append(w.Events, x.Events...)
	switch {
	case w.Kind == "change" && x.Kind == "change": // of several variants
		w.From, w.To, w.Variant, w.Result = nil, nil, "", ""
		w.Title = "Changed several variants"
	case w.Kind != "change":
		w.Kind, w.Title, w.Cause, w.Result, w.Status, w.By = x.Kind, x.Title, x.Cause, x.Result, x.Status, x.By
		w.Policy, w.Alarm, w.From, w.To = cmp.Or(x.Policy, w.Policy), cmp.Or(x.Alarm, w.Alarm), x.From, x.To
		w.Endpoint, w.Variant = cmp.Or(x.Endpoint, w.Endpoint), cmp.Or(x.Variant, w.Variant)
	}
	slices.SortStableFunc(w.Events[min(1, len(w.Events)):], func(a, b Event) int { return a.At.Compare(b.At) })
}

// String says who sent the request, and from where.
func (w *Write) String() string {
	who := cmp.Or(w.User, w.AccessKeyID, "someone without a key")
	text := w.Operation + " by " + who
	if w.Console {
		text += ", in the console"
	}
	if w.SourceIP != "" {
		text += ", from " + w.SourceIP
	}
	return text
}
