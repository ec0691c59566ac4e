package process

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/internal/modeldata"
)

// dataFleet is a fleet with model data of its own, and what it reports.
func dataFleet(t *testing.T, dir string) (*Fleet, *modeldata.Cache, chan hosting.InstanceReport) {
	t.Helper()
	cache, err := modeldata.New(modeldata.Options{Dir: filepath.Join(dir, "model-data"), Settings: modeldata.Settings{FileRoots: []string{dir}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	o := options(filepath.Join(dir, "fleet"))
	reports := make(chan hosting.InstanceReport, 100)
	o.Report = func(r hosting.InstanceReport) { reports <- r }
	o.Data = cache
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f, cache, reports
}

// archive writes a .tar.gz with a file "weights" and returns its URI.
func archive(t *testing.T, dir, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	_ = w.WriteHeader(&tar.Header{Name: "weights", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))})
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	_ = z.Close()
	file := filepath.Join(dir, "model.tar.gz")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + file
}

func want(t *testing.T, reports chan hosting.InstanceReport, state hosting.FleetState) hosting.InstanceReport {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case r := <-reports:
			if r.State == hosting.FleetStarting && state != r.State {
				continue // it comes with every start
			}
			if r.State != state {
				t.Fatalf("%+v, want %v", r, state)
			}
			return r
		case <-late:
			t.Fatalf("no report of %v", state)
			return hosting.InstanceReport{}
		}
	}
}

func withData(id, uri string) hosting.InstanceSpec {
	return alone(hosting.CopySpec{
		ID: hosting.CopyID(id), Image: "demo", ModelData: hosting.ModelData{URI: uri, Archive: true}, StartupTimeout: time.Minute,
	})
}

// A model server finds an archive's content in the given folder, which instances share and which a later server keeps.
func TestInstancesShareModelData(t *testing.T) {
	dir := t.TempDir()
	uri := archive(t, dir, "1 2 3")
	f, cache, reports := dataFleet(t, dir)
	level := []fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{withData("i-1", uri)}}}
	f.Apply(level)
	if r := want(t, reports, hosting.FleetPreparing); r.Cause != hosting.CauseModelData || !strings.Contains(r.Reason, uri) {
		t.Errorf("%+v", r)
	}
	want(t, reports, hosting.FleetStarting)
	want(t, reports, hosting.FleetReady)
	folder := f.keepers["i-1"].data.Folder
	if text, err := os.ReadFile(filepath.Join(folder, "weights")); err != nil || string(text) != "1 2 3" {
		t.Errorf("%q, %v", text, err)
	}
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", markedOf(f.o.Dir)[0].pid))
	if err != nil || !bytes.Contains(env, []byte("SM_MODEL_DIR="+folder)) {
		t.Errorf("the folder is not in its environment (%v)", err)
	}
	level[0].Instances = append(level[0].Instances, withData("i-2", uri))
	f.Apply(level)
	want(t, reports, hosting.FleetReady) // nothing is fetched
	f.Close()
	cache.Close()

	f, cache, reports = dataFleet(t, dir)
	if s := cache.Status(); s.Models != 1 || s.Held != 1 {
		t.Errorf("after an adoption: %+v", s)
	}
	f.Apply(level)
	want(t, reports, hosting.FleetReady)
	want(t, reports, hosting.FleetReady)
	if err := os.Remove(strings.TrimPrefix(uri, "file://")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(markedOf(f.o.Dir)[0].pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	want(t, reports, hosting.FleetFailed)
	want(t, reports, hosting.FleetReady) // with the data that it had
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
	if s := cache.Status(); s.Models != 1 || s.Held != 0 {
		t.Errorf("after the stop: %+v", s)
	}
}

func TestModelDataThatCannotBeHadFailsTheStartForGood(t *testing.T) {
	f, _, reports := dataFleet(t, t.TempDir())
	f.Apply([]fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{withData("i-1", "s3://nowhere/model.tar.gz")}}})
	r := want(t, reports, hosting.FleetFailed)
	if !r.Final || r.Cause != hosting.CauseModelData || !strings.HasPrefix(r.Reason, "Failed to download model data") {
		t.Errorf("%+v", r)
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
}

// smallMachine is a machine on which instances may take so many vCPUs.
func smallMachine(vcpus float64) *machine.Machine {
	return machine.New(machine.Options{Types: machine.Table(), Found: machine.Look(), Capacity: machine.Capacity{VCPUs: &vcpus}})
}

// An instance for which the machine has no room waits, with SageMaker's reason, until another goes.
func TestInstancesWaitForRoom(t *testing.T) {
	o := options(t.TempDir())
	reports := make(chan hosting.InstanceReport, 100)
	o.Report = func(r hosting.InstanceReport) { reports <- r }
	o.Machine = smallMachine(2)
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	large := func(id hosting.CopyID) hosting.InstanceSpec {
		s := alone(hosting.CopySpec{ID: id, Image: "demo", StartupTimeout: time.Minute})
		s.InstanceType = "ml.m5.large"
		return s
	}
	one, next := large("i-1"), large("i-2")
	f.Apply([]fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{one}}})
	want(t, reports, hosting.FleetReady)
	f.Apply([]fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{one, next}}})
	r := want(t, reports, hosting.FleetPreparing)
	if r.Cause != hosting.CauseCapacity || !strings.HasPrefix(r.Reason, "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error.") ||
		!strings.Contains(r.Reason, "free are 0 vCPU of 2") {
		t.Errorf("%+v", r)
	}
	f.Apply([]fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{next}}})
	want(t, reports, hosting.FleetGone)
	want(t, reports, hosting.FleetStarting)
	want(t, reports, hosting.FleetReady)
	huge := large("i-3")
	huge.InstanceType = "ml.m5.4xlarge" // of a config of before the capacity was stated
	f.Apply([]fleet.Level{{Group: "h", Instances: []hosting.InstanceSpec{huge}}})
	if r := want(t, reports, hosting.FleetFailed); !r.Final || !strings.Contains(r.Reason, "it can never fit") {
		t.Errorf("%+v", r)
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
}
