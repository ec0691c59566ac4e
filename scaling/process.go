package scaling

// Processes of an Auto Scaling group. AWS: suspending and resuming processes, user guide.
const (
	ProcessLaunch            Process = iota + 1 // instances start
	ProcessTerminate                            // instances are taken away
	ProcessAddToLoadBalancer                    // kept: routes always follow the instances in service
	ProcessAlarmNotification                    // the group's policies hear of alarms
	ProcessAZRebalance                          // kept: there is one zone
	ProcessHealthCheck                          // kept: fleets always watch their instances
	ProcessInstanceRefresh                      // kept: a new config replaces instances
	ProcessReplaceUnhealthy                     // kept: fleets always bring crashed instances back
	ProcessScheduledActions                     // scheduled actions run
)

// Process is something that an Auto Scaling group does by itself and that can be suspended.
type Process int

// String returns AWS's name of the process.
func (p Process) String() string {
	switch p {
	case ProcessLaunch:
		return "Launch"
	case ProcessTerminate:
		return "Terminate"
	case ProcessAddToLoadBalancer:
		return "AddToLoadBalancer"
	case ProcessAlarmNotification:
		return "AlarmNotification"
	case ProcessAZRebalance:
		return "AZRebalance"
	case ProcessHealthCheck:
		return "HealthCheck"
	case ProcessInstanceRefresh:
		return "InstanceRefresh"
	case ProcessReplaceUnhealthy:
		return "ReplaceUnhealthy"
	case ProcessScheduledActions:
		return "ScheduledActions"
	default:
		return "invalid"
	}
}

// ParseProcess returns the process of AWS's name; zero where there is none.
func ParseProcess(s string) Process { return Named(s, ProcessScheduledActions) }

// Processes returns all of them.
func Processes() []Process {
	out := make([]Process, 0, ProcessScheduledActions)
	for p := ProcessLaunch; p <= ProcessScheduledActions; p++ {
		out = append(out, p)
	}
	return out
}
