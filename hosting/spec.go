package hosting

import (
	"cmp"
	"time"
)

// InstanceID names one instance for its whole life. It is unique within a server and never used again. Its form is that of an
// EC2 instance: "i-" and 17 hexadecimal digits, so it is safe in file names.
type InstanceID string

// CopyID names one copy for its whole life. It is unique within a server, never used again, and safe in file names. The one copy of an
// instance without inference components has the instance's identity.
type CopyID string

// Resources are what an instance offers or a copy needs. A zero member is not known, or not stated.
type Resources struct {
	VCPUs  float64 `json:",omitzero"`
	Memory int64   `json:",omitzero"` // bytes
	GPUs   int     `json:",omitzero"` // and other accelerators
}

// InstanceSpec is all that a fleet needs to know to run one instance: a machine, and the copies that it holds. A spec never changes after
// its first appearance, save for Draining, which goes from false to true once, and for copies that come and go.
type InstanceSpec struct {
	ID InstanceID

	// The instance's owner: for logs, metrics and the environment of model servers.
	Account    string
	Region     string
	Endpoint   string
	Variant    string
	Generation Generation `json:",omitzero"` // of the fleet that it belongs to

	InstanceType string    // for example ml.m5.large
	Resources    Resources `json:",omitzero"` // of the instance type, where it is known

	Copies []CopySpec // at least one

	// Draining: the instance gets no new invocations. The fleet lets those in flight finish, then stops the copies and
	// reports that they are gone.
	Draining bool
}

// CopySpec is one copy of an instance: a model server.
type CopySpec struct {
	ID        CopyID
	Component string `json:",omitzero"` // the inference component that it is a copy of; "": of the variant's own model

	Model       string
	Image       string
	ModelData   ModelData         `json:",omitzero"` // the zero value where the model has none
	Environment map[string]string // the model's own; a fleet adds SAGEMAKER_BIND_TO_PORT and AWS_REGION
	Resources   Resources         `json:",omitzero"` // that it needs; the zero value: all of its instance's

	// DownloadTimeout is how long fetching the model data may take; 0: the fleet's default.
	DownloadTimeout time.Duration `json:",omitzero"`

	// StartupTimeout is how long the copy may take from its start to its first answered /ping. The engine applies it; a
	// fleet may use it to stop waiting.
	StartupTimeout time.Duration

	// Draining: the copy goes, and its instance stays.
	Draining bool `json:",omitzero"`
}

// Fleet states that a copy can be reported in.
const (
	FleetReady     FleetState = iota + 1 // answers /ping with 200 and takes invocations at Address
	FleetFailed                          // not serving now, for Reason; the fleet goes on trying while the copy is wanted
	FleetGone                            // stopped and cleaned up, because it was no longer wanted or had drained
	FleetPreparing                       // waiting for capacity or model data, for Reason; its start-up time does not run meanwhile
	FleetStarting                        // prepared: its model server starts, and its start-up time begins; repeated with the Reason why it is not healthy yet
)

// FleetState is what a fleet reports of a copy.
type FleetState int

// String returns the state's name in lower case.
func (s FleetState) String() string {
	switch s {
	case FleetReady:
		return "ready"
	case FleetFailed:
		return "failed"
	case FleetGone:
		return "gone"
	case FleetPreparing:
		return "preparing"
	case FleetStarting:
		return "starting"
	default:
		return "invalid"
	}
}

// InstanceReport is a fleet's report of one copy of an instance: the only way in which the outside world changes a copy's state.
type InstanceReport struct {
	ID      InstanceID
	State   FleetState
	Address string // host:port of the model server; set when ready
	Reason  string // why it is not serving, in a sentence for an operator; set when failed or preparing, and when starting for a while

	// Cause says what part of the start failed; set when failed or preparing.
	Cause Cause `json:",omitzero"`

	// Final: trying again would end the same way. A copy that has never served fails the change that wants it at once.
	Final bool `json:",omitzero"`

	// Copy is the copy that the report is about; "": the one whose identity is the instance's.
	Copy CopyID `json:",omitzero"`

	// Stages are those that the copy's present start has reached; the zero value leaves what was reported before.
	Stages Stages `json:",omitzero"`
}

// NewReport returns a report of one copy of an instance.
func NewReport(instance InstanceID, id CopyID, s FleetState) InstanceReport {
	r := InstanceReport{ID: instance, State: s}
	if id != CopyID(instance) {
		r.Copy = id
	}
	return r
}

// CopyID returns the identity of the copy that the report is about.
func (r InstanceReport) CopyID() CopyID { return cmp.Or(r.Copy, CopyID(r.ID)) }

// Cause says what keeps a copy from serving, mostly a part of its start. It selects the text of FailureReason.
type Cause int

// Causes.
const (
	CauseHealth    Cause = iota // it does not run, or does not answer /ping with 200
	CauseModelData              // its model data cannot be fetched or unpacked; Reason is SageMaker's text with the detail
	CauseCapacity               // the machine has no room for its instance type; Reason is SageMaker's text with the detail
	CauseStopped                // its server was asked to stop and ended it: no failure; it starts again with the server
)

// String returns the cause's name.
func (c Cause) String() string {
	switch c {
	case CauseHealth:
		return "Health"
	case CauseModelData:
		return "ModelData"
	case CauseCapacity:
		return "Capacity"
	case CauseStopped:
		return "Stopped"
	default:
		return "invalid"
	}
}
