package process

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/internal/modeldata"
)

// failure is why a copy does not serve.
type failure struct {
	reason string
	cause  hosting.Cause
	final  bool // trying again would end the same way
}

func (k *keeper) fail(f failure) {
	r := k.reportOf(hosting.FleetFailed)
	r.Reason, r.Cause, r.Final = f.reason, f.cause, f.final
	k.fleet.o.Report(r)
}

// start prepares what the copy needs and starts its process. Where it cannot, it returns why.
func (k *keeper) start(ctx context.Context) (*process, failure) {
	k.began = time.Now()
	if k.stages = (hosting.Stages{Asked: k.stages.Asked}); k.stages.Asked.IsZero() {
		k.stages.Asked = k.moment()
	}
	program, err := k.fleet.o.Command(k.spec.Image)
	if err != nil {
		return nil, failure{reason: err.Error()}
	}
	waiting := func(cause hosting.Cause) func(string) {
		return func(why string) { k.progress(hosting.FleetPreparing, cause, why) }
	}
	if why := k.place(ctx, waiting(hosting.CauseCapacity)); why.reason != "" {
		return nil, why
	}
	k.stages.Scheduled = k.moment()
	if err := k.openData(ctx, waiting(hosting.CauseModelData)); err != nil {
		return nil, dataFailure(err)
	}
	if k.spec.ModelData.URI != "" {
		k.stages.DataReady = k.moment()
	}
	p, err := launch(k, program)
	if err != nil {
		return nil, failure{reason: "The model server cannot be started: " + err.Error()}
	}
	k.stages.Started = k.moment()
	k.progress(hosting.FleetStarting, hosting.CauseHealth, "")
	return p, failure{}
}

// noRoom is SageMaker's FailureReason of an endpoint for which it has no instances.
const noRoom = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. " +
	"Please retry using a different ML instance type or after some time. Detail: "

// place waits until the machine has room for the copy's instance, which the instance keeps until its last copy is gone.
func (k *keeper) place(ctx context.Context, waiting func(string)) failure {
	if k.fleet.o.Machine == nil {
		return failure{}
	}
	for {
		changed, err := k.fleet.o.Machine.Take(string(k.instance.ID), k.instance.InstanceType, sizeOf(k.instance.Resources))
		full := (*machine.Full)(nil)
		switch {
		case err == nil:
			return failure{}
		case errors.As(err, &full) && full.Never:
			return failure{noRoom + err.Error() + ".", hosting.CauseCapacity, true}
		}
		waiting(noRoom + err.Error() + ".")
		select {
		case <-ctx.Done():
			return failure{reason: noRoom + err.Error() + ".", cause: hosting.CauseCapacity}
		case <-changed:
		}
	}
}

// openData fetches the model's data to this machine. A copy that starts again uses what it had.
func (k *keeper) openData(ctx context.Context, waiting func(string)) error {
	if k.spec.ModelData.URI == "" {
		return nil
	}
	if k.fleet.o.Data == nil {
		return &modeldata.Error{URI: k.spec.ModelData.URI, Kind: modeldata.Unconfigured, Err: errors.New("this fleet has no model data")}
	}
	if k.data.Folder != "" {
		if _, err := os.Stat(k.data.Folder); !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		k.releaseData()
	}
	data, err := k.fleet.o.Data.Open(ctx, k.spec.ModelData, k.spec.DownloadTimeout, waiting)
	if err == nil {
		k.data = data
	}
	return err
}

func dataFailure(err error) failure {
	f := failure{reason: "The model data cannot be used: " + err.Error(), cause: hosting.CauseModelData}
	if e := (*modeldata.Error)(nil); errors.As(err, &e) {
		f.reason, f.final = e.FailureReason(), true
	}
	return f
}

// hold notes what the copy used when an earlier server left it: its instance's room, and the content of its model data.
func (k *keeper) hold(content string) {
	if k.fleet.o.Machine != nil {
		k.fleet.o.Machine.Hold(string(k.instance.ID), k.instance.InstanceType, sizeOf(k.instance.Resources))
	}
	if content == "" || k.fleet.o.Data == nil {
		return
	}
	k.data = k.fleet.o.Data.Hold(content)
}

// sizeOf is what resources are on a machine.
func sizeOf(r hosting.Resources) machine.Size {
	return machine.Size{VCPUs: r.VCPUs, Memory: r.Memory, GPUs: r.GPUs}
}

// releaseData gives up the model data that the copy used.
func (k *keeper) releaseData() {
	if k.data.Content != "" {
		k.fleet.o.Data.Release(k.data.Content)
	}
	k.data = modeldata.Data{}
}
