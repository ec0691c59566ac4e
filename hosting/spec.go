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
	ModelDataURL string            // "" where the model has none
	Environment  map[string]string // the model's own; a fleet adds SAGEMAKER_BIND_TO_PORT and AWS_REGION
	InstanceType string            // for example ml.m5.large; a label for fleets that have one size of machine

	// StartupTimeout is how long the instance may take from its start to its first answered /ping. The engine applies it; a
	// fleet may use it to stop waiting.
	StartupTimeout time.Duration

	// Draining: the instance gets no new invocations. The fleet lets those in flight finish, then stops the instance and
	// reports that it is gone.
	Draining bool
}

// Fleet states that an instance can be reported in.
const (
	FleetReady  FleetState = iota + 1 // answers /ping with 200 and takes invocations at Address
	FleetFailed                       // not serving now, for Reason; the fleet goes on trying while the instance is wanted
	FleetGone                         // stopped and cleaned up, because it was no longer wanted or had drained
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
	default:
		return "invalid"
	}
}

// InstanceReport is a fleet's word about one instance: the only way in which the world outside changes an instance's state.
type InstanceReport struct {
	ID      InstanceID
	State   FleetState
	Address string // host:port of the model server; set when ready
	Reason  string // why it is not serving, in a sentence for an operator; set when failed
}
