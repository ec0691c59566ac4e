package log

// Tables of events that users read, with what their keys are.
const (
	TableActivity = "activity" // key: of a scalable target
	TableAlarm    = "alarm"    // key: an alarm's name
	TableDecision = "decision" // key: of a scalable target
	TableEndpoint = "endpoint" // key: an endpoint's name
	TableGroup    = "group"    // key: a group's name; the types are the statuses of instances' activities
)

// Types of records, by which queries select.
const (
	// Of TableActivity.
	TypeScaled    = "Scaled"
	TypeNotScaled = "NotScaled"
	TypeGroup     = "Group" // of EC2 Auto Scaling: Application Auto Scaling does not list it

	// Of TableDecision.
	TypeDecided     = "Decided"
	TypeScheduled   = "Scheduled"
	TypeForecast    = "Forecast"
	TypeMaxCapacity = "MaxCapacity"

	// Of TableEndpoint.
	TypeStatus   = "Status"
	TypeInstance = "Instance"

	// Of TableAlarm.
	TypeConfiguration = "ConfigurationUpdate"
	TypeState         = "StateUpdate"
	TypeAction        = "Action"

	TypeContributorState  = "AlarmContributorStateUpdate"
	TypeContributorAction = "AlarmContributorAction"

	// CompositePrefix is the prefix of the types of composite alarms.
	CompositePrefix = "Composite"
)
