package hosting

import "time"

// InstanceID names one instance for its whole life. It is unique within a server and never used again. Its form is that of an
// EC2 instance: "i-" and 17 hexadecimal digits, so it is safe in file names.
type InstanceID string

// InstanceSpec is all that a fleet needs to know to run one instance. A spec never changes after its first appearance, save
// for Draining, which goes from false to true once.
type InstanceSpec struct {
	ID InstanceID

	// Whose instance it is: for logs, metrics and the environment of the model server.
	Account  string
	Region   string
	Endpoint string
	Variant  string
	Model    string

	Image        string
	ModelData    ModelData         `json:",omitzero"` // the zero value where the model has none
	Environment  map[string]string // the model's own; a fleet adds SAGEMAKER_BIND_TO_PORT and AWS_REGION
	InstanceType string            // for example ml.m5.large

	// DownloadTimeout is how long fetching the model data may take; 0: the fleet's default.
	DownloadTimeout time.Duration `json:",omitzero"`

	// StartupTimeout is how long the instance may take from its start to its first answered /ping. The engine applies it; a
	// fleet may use it to stop waiting.
	StartupTimeout time.Duration

	// Draining: the instance gets no new invocations. The fleet lets those in flight finish, then stops the instance and
	// reports that it is gone.
	Draining bool
}

// Fleet states that an instance can be reported in.
const (
	FleetReady     FleetState = iota + 1 // answers /ping with 200 and takes invocations at Address
	FleetFailed                          // not serving now, for Reason; the fleet goes on trying while the instance is wanted
	FleetGone                            // stopped and cleaned up, because it was no longer wanted or had drained
	FleetPreparing                       // waiting for capacity or model data, for Reason; its start-up time does not run meanwhile
	FleetStarting                        // prepared: its process starts, and its start-up time begins
)

// FleetState is what a fleet says of an instance.
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

// InstanceReport is a fleet's word about one instance: the only way in which the world outside changes an instance's state.
type InstanceReport struct {
	ID      InstanceID
	State   FleetState
	Address string // host:port of the model server; set when ready
	Reason  string // why it is not serving, in a sentence for an operator; set when failed or preparing

	// Cause says what part of the start failed; set when failed or preparing.
	Cause Cause `json:",omitzero"`

	// Final: trying again would end the same way. An instance that has never served fails the change that wants it at once.
	Final bool `json:",omitzero"`
}

// Cause says what keeps an instance from serving, mostly a part of its start. It selects the text of FailureReason.
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
