package scaling

import (
	"time"

	"bellows.dev/bellows/alarm"
)

// Policy is a scaling policy of a target or of its group: what policies of all types have, and the rule that makes it one of its type.
type Policy struct {
	Name    string
	Created time.Time
	Rule    Rule `json:"-"` // encoded among the members of the policy: see MarshalJSON

	// UUID is in the ARN of a group's policy; "" where the policy is the target's.
	UUID     string         `json:",omitempty"`
	Warmup   *time.Duration `json:",omitempty"` // groups': how long new instances warm up; nil: as the group says
	Disabled bool           `json:",omitempty"` // groups': it is kept and does nothing

	// CreatedBy is a UUID that the actions of the policy's own alarms carry; "" where it has none.
	CreatedBy string

	Cooling Cooling

	encoded []byte // what the policy was decoded from, until its rule is: see restore
}

// Type returns the name of the policy's type.
func (p *Policy) Type() string { return p.Rule.Type().Name() }

// AlarmNames returns the alarms that the policy owns.
func (p *Policy) AlarmNames() []string {
	if x, ok := p.Rule.(AlarmOwner); ok {
		return x.AlarmNames()
	}
	return nil
}

// OwnsAlarms reports whether policies of this type have alarms of their own.
func (p *Policy) OwnsAlarms() bool {
	_, ok := p.Rule.(AlarmOwner)
	return ok
}

// Alarms returns the alarms that the policy of a target owns. Their only action invokes the policy, which a group's is identified by itself
// in, and another by its target. m are the metrics of the target's dimension.
func (p *Policy) Alarms(t *Target, m Metrics) []alarm.Alarm {
	x, ok := p.Rule.(AlarmOwner)
	if !ok {
		return nil
	}
	id := p.UUID
	if p.API() == ApplicationAutoScaling {
		id = t.ID36()
	}
	var out []alarm.Alarm
	for _, a := range x.Alarms(t.Key, m, p.API()) {
		out = append(out, alarm.Alarm{
			Name: a.Name, Rule: a.Rule, ActionsEnabled: true, Owned: true,
			Actions: []alarm.Action{{On: alarm.InAlarm, Target: id, Policy: p.Name}},
		})
	}
	return out
}

// nameAlarms gives the alarms that the policy owns new names.
func (p *Policy) nameAlarms(k TargetKey, newID func() string) {
	if x, ok := p.Rule.(AlarmOwner); ok {
		x.NameAlarms(p.owner(k), newID)
	}
}

// PolicyInput is PutScalingPolicy's request. Optional members are zero where the client left them out.
type PolicyInput struct {
	Key     TargetKey
	Name    string
	Type    Type     // nil keeps that of a policy that is there
	Configs []Config // those that the client sent: one at most, of the policy's type, or the request is refused

	encoded []byte // what the input was decoded from, until its configurations are: see restore
}

// PolicyChange is what a PutScalingPolicy did.
type PolicyChange struct {
	Target  *Target
	Policy  *Policy
	Created bool

	// The alarms of DeleteAlarms are to be deleted, then those of CreateAlarms created; both are empty where the policy's alarms stay.
	DeleteAlarms []string
	CreateAlarms []alarm.Alarm
}
