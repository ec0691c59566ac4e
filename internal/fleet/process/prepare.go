package process

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/internal/modeldata"
)

// failure is why an instance does not serve.
type failure struct {
	reason string
	cause  hosting.Cause
	final  bool // trying again would end the same way
}

func (i *instance) fail(f failure) {
	i.fleet.o.Report(hosting.InstanceReport{
		ID: i.spec.ID, State: hosting.FleetFailed, Reason: f.reason, Cause: f.cause, Final: f.final,
	})
}

// start prepares what the instance needs and starts its process. Where it cannot, it returns why.
func (i *instance) start(ctx context.Context) (*process, failure) {
	program, err := i.fleet.o.Command(i.spec.Image)
	if err != nil {
		return nil, failure{reason: err.Error()}
	}
	waited := false
	waiting := func(cause hosting.Cause) func(string) {
		return func(why string) {
			waited = true
			i.fleet.o.Report(hosting.InstanceReport{ID: i.spec.ID, State: hosting.FleetPreparing, Reason: why, Cause: cause})
		}
	}
	if why := i.place(ctx, waiting(hosting.CauseCapacity)); why.reason != "" {
		return nil, why
	}
	if err := i.openData(ctx, waiting(hosting.CauseModelData)); err != nil {
		return nil, dataFailure(err)
	}
	if waited {
		i.report(hosting.FleetStarting, "", "")
	}
	p, err := launch(i.fleet, i.spec, program, i.data)
	if err != nil {
		return nil, failure{reason: "The model server cannot be started: " + err.Error()}
	}
	return p, failure{}
}

// noRoom is SageMaker's reason of an endpoint for which there are no instances.
const noRoom = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. " +
	"Please retry using a different ML instance type or after some time. Detail: "

// place waits until the machine has room for the instance, which it keeps until it is gone.
func (i *instance) place(ctx context.Context, waiting func(string)) failure {
	if i.fleet.o.Machine == nil {
		return failure{}
	}
	for {
		changed, err := i.fleet.o.Machine.Take(string(i.spec.ID), i.spec.InstanceType)
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

// openData brings the model's data to this machine. An instance that starts again uses what it had.
func (i *instance) openData(ctx context.Context, waiting func(string)) error {
	if i.spec.ModelData.URI == "" {
		return nil
	}
	if i.fleet.o.Data == nil {
		return &modeldata.Error{URI: i.spec.ModelData.URI, Kind: modeldata.Unconfigured, Err: errors.New("this fleet has no model data")}
	}
	if i.data.Folder != "" {
		if _, err := os.Stat(i.data.Folder); !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		i.releaseData()
	}
	data, err := i.fleet.o.Data.Open(ctx, i.spec.ModelData, i.spec.DownloadTimeout, waiting)
	if err == nil {
		i.data = data
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

// hold notes what the instance used when an earlier server left it: its place, and the content of its model data.
func (i *instance) hold(content string) {
	if i.fleet.o.Machine != nil {
		i.fleet.o.Machine.Hold(string(i.spec.ID), i.spec.InstanceType)
	}
	if content == "" || i.fleet.o.Data == nil {
		return
	}
	i.data = i.fleet.o.Data.Hold(content)
}

// release gives up what the instance used.
func (i *instance) release() {
	i.releaseData()
	if i.fleet.o.Machine != nil {
		i.fleet.o.Machine.Give(string(i.spec.ID))
	}
}

func (i *instance) releaseData() {
	if i.data.Content != "" {
		i.fleet.o.Data.Release(i.data.Content)
	}
	i.data = modeldata.Data{}
}
