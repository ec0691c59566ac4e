package hosting_test

import (
	"encoding/json"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
)

// An instance serves while a copy of it does, is settled once all have served, and is gone with its last copy.
func TestAnInstanceIsNotACopy(t *testing.T) {
	w, e := serving(t)
	w.resizeTo(3)
	v := e.Variants[0]
	i := v.Instances[2]
	i.Copies = []*hosting.Copy{{ID: "i-3.1", Started: w.now}, {ID: "i-3.2", Started: w.now}}
	say := func(id hosting.CopyID, s hosting.FleetState) {
		r := hosting.NewReport("i-3", id, s)
		r.Address, r.Reason = "127.0.0.1:3", "It exited."
		w.say(e, r)
	}
	say("i-3.1", hosting.FleetReady)
	if i.State != hosting.InstanceInService || v.Current() != 3 {
		t.Errorf("with one copy ready the instance is %v, and %d serve", i.State, v.Current())
	}
	w.status(e, hosting.Updating)
	say("i-3.2", hosting.FleetReady)
	w.status(e, hosting.InService)
	say("i-3.1", hosting.FleetFailed)
	if reason, failures := i.Failure(); i.State != hosting.InstanceInService || reason != "It exited." || failures != 1 {
		t.Errorf("with one copy left it is %v; %q, %d failures", i.State, reason, failures)
	}
	say("i-3.2", hosting.FleetFailed)
	if i.State != hosting.InstanceStarting || v.Current() != 2 {
		t.Errorf("without a copy that serves it is %v", i.State)
	}
	if got := e.Report(w.now, hosting.NewReport("i-3", "i-3.9", hosting.FleetReady)); got.Changed || got.Variant != "blue" {
		t.Errorf("a copy that it does not have: %+v", got)
	}
	w.resizeTo(2)
	specs := w.specs(e)
	if n := len(specs[2].Copies); n != 2 || !specs[2].Draining || specs[2].Generation != 1 {
		t.Fatalf("the level has %+v", specs[2])
	}
	say("i-3.1", hosting.FleetGone)
	if len(v.Instances) != 3 {
		t.Error("it is gone before its last copy")
	}
	say("i-3.2", hosting.FleetGone)
	if len(v.Instances) != 2 {
		t.Error("it is there without copies")
	}
	w.status(e, hosting.InService)
}

// Each deployment makes the fleets of the next generation; levels tell them apart, and so do shares while both take invocations.
func TestGenerations(t *testing.T) {
	w, e := serving(t)
	w.config("c2", 1)
	w.must(w.UpdateEndpoint(w.now, hosting.Update{Endpoint: "e", Config: "c2", Scaled: notScaled}))
	w.Reconcile(w.now, e)
	specs := w.Specs(e)
	if a, b := specs[hosting.FleetKey{Variant: "blue", Generation: 1}], specs[hosting.FleetKey{Variant: "blue", Generation: 2}]; len(a) != 2 || len(b) != 1 || len(specs) != 2 {
		t.Fatalf("%d fleets, of %d and %d instances", len(specs), len(a), len(b))
	}
	old := e.Variants[0]
	if s := e.Shares(old); len(s) != 1 || s[0].Fleet != old || s[0].Weight != 1 {
		t.Errorf("all at once the old fleet shares with %+v", s)
	}
	e.Deployment.Share = 0.1
	s := e.Shares(old)
	if len(s) != 2 || s[0].Fleet != old || s[0].Weight != 0.9 || s[1].Fleet.Generation != 2 || s[1].Weight != 0.1 {
		t.Errorf("a tenth: %+v", s)
	}
	w.ready(e, "i-3")
	if v := e.Variants[0]; v.Generation != 2 || len(e.Shares(v)) != 1 {
		t.Errorf("in use is generation %d, with %d shares", v.Generation, len(e.Shares(v)))
	}
	w.gone(e, "i-1", "i-2")
	w.must(w.UpdateEndpoint(w.now, hosting.Update{Endpoint: "e", Config: "c", Scaled: notScaled}))
	if g := e.Deployment.Variants[0].Generation; g != 3 {
		t.Errorf("the next deployment makes generation %d", g)
	}
}

// earlier is a registry as it was written down before instances had copies and fleets generations: an update whose traffic has moved.
const earlier = `{"Models":{},"Configs":{},"Endpoints":{"e":{"Name":"e","Config":"c2","Status":3,"FailureReason":"",
"Variants":[{"Config":{"Name":"blue"},"Desired":2,"Instances":[
 {"ID":"i-3","State":2,"Address":"127.0.0.1:7","Started":"2026-11-24T09:00:00Z","EverReady":true,"Reason":"","Failures":2,"Ejected":"it answered 500"},
 {"ID":"i-4","State":1,"Address":"","Started":"2026-11-24T09:00:00Z","EverReady":false,"Reason":"Fetching.","Failures":1,"Preparing":true,
  "Launched":"2026-11-24T09:01:00Z","Grace":5,"Cause":1,"Final":true,"ReasonAt":"2026-11-24T09:02:00Z"}]}],
"Deployment":{"Config":"c2","Variants":null,"RetireAt":"2026-11-24T10:00:00Z"},
"Retired":[{"Config":{"Name":"blue"},"Desired":1,"Instances":[{"ID":"i-1","State":3,"Address":"127.0.0.1:1","EverReady":true}]}]}},
"StartupTimeout":240000000000}`

func TestStatesOfEarlierVersionsAreRestored(t *testing.T) {
	var r hosting.Registry
	if err := json.Unmarshal([]byte(earlier), &r); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a state that is written and read again is the same
		r.Restore(func() hosting.InstanceID { return "i-9" })
		e := r.Endpoints["e"]
		v := e.Variants[0]
		if e.Newest != 2 || v.Generation != 2 || e.Retired[0].Generation != 1 {
			t.Errorf("generations: newest %d, in use %d, retired %d", e.Newest, v.Generation, e.Retired[0].Generation)
		}
		a, b, c := v.Instances[0].Copies[0], v.Instances[1].Copies[0], e.Retired[0].Instances[0].Copies[0]
		if a.ID != "i-3" || !a.Ready || a.Address != "127.0.0.1:7" || !a.EverReady || a.Failures != 2 || a.Ejected != "it answered 500" || !a.Started.Equal(start) {
			t.Errorf("in service: %+v", a)
		}
		if b.Ready || b.EverReady || b.Reason != "Fetching." || !b.Preparing || !b.Final || b.Cause != hosting.CauseModelData || b.Grace != 5 ||
			!b.Launched.Equal(start.Add(time.Minute)) || !b.ReasonAt.Equal(start.Add(2*time.Minute)) {
			t.Errorf("starting: %+v", b)
		}
		if !c.Ready || !c.EverReady || v.Current() != 1 {
			t.Errorf("draining: %+v; %d serve", c, v.Current())
		}
		text, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		r = hosting.Registry{}
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
	}
}
