package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/plural"
	"bellows.dev/bellows/scaling"
)

// TargetWarnings are what is silently wrong with one scalable target.
type TargetWarnings struct {
	Target   scaling.TargetKey
	Warnings []scaling.Warning
}

// Warnings says what is silently wrong with what scales the region's variants, by key; those with nothing wrong are left out.
func (r *Region) Warnings(now time.Time) []TargetWarnings {
	facts := r.alarmFacts()
	var out []TargetWarnings
	for _, k := range r.Targets.Keys() {
		t := r.Targets.Of(k)
		if w := t.Warnings(now, r.Capacity(t), facts[t], r.wakesTarget(t)); len(w) > 0 {
			out = append(out, TargetWarnings{k, w})
		}
	}
	return out
}

// alarmFacts gathers, by target, what warnings need to know of the alarms that invoke its policies.
func (r *Region) alarmFacts() map[*scaling.Target][]scaling.AlarmFacts {
	out := map[*scaling.Target][]scaling.AlarmFacts{}
	for _, a := range r.Alarms.Metric { //tidy:unordered warnings are sorted
		for i, x := range a.Actions {
			t, p := r.policyOf(x)
			if t == nil || slices.Index(a.Actions, x) != i {
				continue
			}
			out[t] = append(out[t], scaling.AlarmFacts{
				Policy: x.Policy, API: p.API(), Alarm: a.Name, State: a.State, Since: a.Transitioned, Fresh: a.Reason == alarm.Created,
				Judged: a.Configured.Add(a.Rule.Period * time.Duration(a.Rule.Periods+1)), ActionsEnabled: a.ActionsEnabled,
				SeesZero: measuredAtZero(a),
			})
		}
	}
	return out
}

// ActionLeadsNowhere is the kind of an ActionWarning.
const ActionLeadsNowhere = "ActionLeadsNowhere"

// ActionWarning says that an action of alarms leads nowhere: CloudWatch accepts such an action silently.
type ActionWarning struct {
	Endpoint, Variant string       // that the alarms are about; "" where they are about none
	Alarms            []string     // their names, sorted; of alarms that policies own, the short labels
	Action            alarm.Action // without the state that it belongs to
}

// String says what is wrong and what to do about it.
func (w ActionWarning) String() string {
	const named = 3
	names := w.Alarms
	if len(names) > named+1 {
		names = append(slices.Clone(names[:named]), fmt.Sprintf("%d more", len(names)-named))
	}
	text := names[len(names)-1]
	if n := len(names) - 1; n > 0 {
		text = strings.Join(names[:n], ", ") + " and " + text
	}
	one := len(w.Alarms)
	text = plural.Noun(one, "alarm ", "alarms ") + text
	service := ""
	if parts := strings.SplitN(w.Action.ARN, ":", 4); len(parts) == 4 {
		service = parts[2]
	}
	switch {
	case w.Action.Policy != "":
		return fmt.Sprintf("%s %s policy %s, which does not exist: put the policy again, and its ARN into the alarm's actions",
			text, plural.Verb(one, "invokes", "invoke"), w.Action.Policy)
	case service == "autoscaling":
		return fmt.Sprintf("%s %s %s, which is not the ARN of a scaling policy of this account and region", text, plural.Verb(one, "invokes", "invoke"), w.Action.ARN)
	case service == "sns":
		return fmt.Sprintf("%s %s %s, which no webhook is configured for: add the topic to webhooks: in bellows.yaml",
			text, plural.Verb(one, "notifies", "notify"), w.Action.ARN)
	default:
		return fmt.Sprintf("%s %s %s, which this server does not run: a webhook can be called instead, see webhooks: in bellows.yaml",
			text, plural.Verb(one, "invokes", "invoke"), w.Action.ARN)
	}
}

// ActionWarnings returns the actions of enabled alarms that lead nowhere, by variant and action.
func (r *Region) ActionWarnings() []ActionWarning {
	type place struct {
		endpoint, variant string
		action            alarm.Action
	}
	found := map[place][]string{}
	note := func(name string, actions []alarm.Action, where func() (endpoint, variant string, found bool)) {
		for _, x := range actions {
			if r.leads(x) {
				continue
			}
			p := place{action: x}
			p.action.On = 0
			p.endpoint, p.variant, _ = where()
			found[p] = append(found[p], r.config.Policies.AlarmLabel(name))
		}
	}
	for name, a := range r.Alarms.Metric { //tidy:unordered sorted below
		if a.ActionsEnabled {
			note(name, a.Actions, func() (string, string, bool) { return r.VariantOf(a) })
		}
	}
	for name, c := range r.Alarms.Composite { //tidy:unordered sorted below
		if c.ActionsEnabled {
			note(name, c.Actions, func() (string, string, bool) { return "", "", false })
		}
	}
	out := make([]ActionWarning, 0, len(found))
	for p, names := range found { //tidy:unordered sorted below
		slices.Sort(names)
		out = append(out, ActionWarning{p.endpoint, p.variant, slices.Compact(names), p.action})
	}
	slices.SortFunc(out, func(a, b ActionWarning) int {
		return cmp.Or(
			cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Variant, b.Variant), cmp.Compare(a.Action.ARN, b.Action.ARN),
			cmp.Compare(a.Action.Target, b.Action.Target), cmp.Compare(a.Action.Policy, b.Action.Policy),
		)
	})
	return out
}

// leads reports whether an action is carried out: its policy exists, or a webhook is configured for its ARN.
func (r *Region) leads(x alarm.Action) bool {
	if x.Policy != "" {
		t, _ := r.policyOf(x)
		return t != nil
	}
	for pattern := range strings.SplitSeq(r.config.Topics, "\n") {
		if TopicMatches(pattern, x.ARN) {
			return true
		}
	}
	return false
}

// TopicMatches reports whether a pattern matches an ARN: * stands for any text, ? for one character.
func TopicMatches(pattern, arn string) bool {
	p, a := []rune(pattern), []rune(arn)
	star, from := -1, 0 // the last * and where its text ends
	i, j := 0, 0
	for j < len(a) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == a[j]):
			i, j = i+1, j+1
		case star >= 0: // the * takes one more
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
