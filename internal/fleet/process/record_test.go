package process

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet/fleettest"
)

// earlierRecord is a record as it was written before instances had copies.
const earlierRecord = `{"Spec":{"ID":"i-1","Account":"123456789012","Region":"us-east-1","Endpoint":"e","Variant":"v","Model":"m","Image":"demo",
"ModelData":{"URI":"s3://b/m/","Prefix":true},"Environment":{"A":"b"},"InstanceType":"ml.m5.large","DownloadTimeout":60000000000,
"StartupTimeout":480000000000,"Draining":true},"Port":4711,"PID":12,"Born":34,"Boot":"x","Content":"sha256"}`

func TestRecordsOfAnEarlierVersionAreRead(t *testing.T) {
	r, err := parseRecord([]byte(earlierRecord))
	if err != nil {
		t.Fatal(err)
	}
	c := r.Spec.Copies[0]
	if r.id() != "i-1" || r.Spec.ID != "i-1" || r.Spec.InstanceType != "ml.m5.large" || r.Spec.Variant != "v" || r.Port != 4711 || r.PID != 12 {
		t.Errorf("%+v", r)
	}
	if c.Image != "demo" || c.Model != "m" || c.ModelData != (hosting.ModelData{URI: "s3://b/m/", Prefix: true}) || c.Environment["A"] != "b" ||
		c.DownloadTimeout != time.Minute || c.StartupTimeout != 8*time.Minute || c.Draining {
		t.Errorf("%+v", c)
	}
	if _, err := parseRecord([]byte(`{"Spec":1}`)); err == nil {
		t.Error("half a record is read")
	}
}

// A server that is replaced by a newer version leaves its instances to it.
func TestACopyWithARecordOfAnEarlierVersionIsAdopted(t *testing.T) {
	o := options(t.TempDir())
	f := openReady(t, o, map[string]string{"A": "b"})
	f.Close()
	file := recordFile(f.o.Dir, "i-1")
	var r map[string]any
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	spec := r["Spec"].(map[string]any)
	for k, v := range spec["Copies"].([]any)[0].(map[string]any) {
		spec[k] = v
	}
	delete(spec, "Copies")
	delete(spec, "Generation")
	if text, err = json.Marshal(r); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	adoptsAndStops(t, o)
}

// Several copies of one instance take its room on the machine once, and give it back together.
func TestCopiesShareTheirInstancesRoom(t *testing.T) {
	o := options(t.TempDir())
	o.Machine = smallMachine(2)
	reports := make(chan hosting.InstanceReport, 100)
	o.Report = func(r hosting.InstanceReport) { reports <- r }
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	large := func(id hosting.InstanceID, copies ...hosting.CopyID) hosting.InstanceSpec {
		i := hosting.InstanceSpec{ID: id, InstanceType: "ml.m5.large"}
		for _, c := range copies {
			i.Copies = append(i.Copies, hosting.CopySpec{ID: c, Image: "demo", StartupTimeout: fleettest.Patience})
		}
		return i
	}
	f.Apply(levelOf(large("i-1", "i-1.1", "i-1.2")))
	want(t, reports, hosting.FleetReady)
	want(t, reports, hosting.FleetReady)
	if used, _ := o.Machine.Used(); used.VCPUs != 2 {
		t.Errorf("two copies take %v", used)
	}
	f.Apply(levelOf(large("i-1", "i-1.1"), large("i-2", "i-2")))
	for range 2 { // one copy is gone, and the other instance waits for the room that the first still has
		if r := <-reports; r.State == hosting.FleetGone && r.Copy != "i-1.2" || r.State == hosting.FleetPreparing && r.ID != "i-2" || r.State == hosting.FleetReady {
			t.Errorf("%+v", r)
		}
	}
	f.Apply(levelOf(large("i-2", "i-2")))
	want(t, reports, hosting.FleetGone)
	if r := want(t, reports, hosting.FleetReady); r.ID != "i-2" || r.Copy != "" {
		t.Errorf("%+v", r)
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
	if used, _ := o.Machine.Used(); used.VCPUs != 0 {
		t.Errorf("in the end %v are taken", used)
	}
}
