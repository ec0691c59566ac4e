package history

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// Kind is the value of a metric's samples that a series contains.
type Kind int

// Kinds of series. A Distribution is a native histogram, which exists if individual samples are known.
const (
	Sum Kind = iota
	Count
	Minimum
	Maximum
	Distribution
	kinds
)

var suffixes = [kinds]string{Sum: "_sum", Count: "_count", Minimum: "_min", Maximum: "_max", Distribution: ""}

// kindSet is a set of kinds.
type kindSet uint8

func setOf(kinds ...Kind) (s kindSet) {
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

func (s kindSet) has(k Kind) bool { return s&(1<<k) != 0 }

// needed returns the kinds from which a statistic is computed. Without a count there is no datapoint.
func needed(s metric.Statistic) kindSet {
	switch s.Kind {
	case metric.SampleCount:
		return setOf(Count)
	case metric.Sum, metric.Average:
		return setOf(Count, Sum)
	case metric.Minimum:
		return setOf(Count, Minimum)
	case metric.Maximum:
		return setOf(Count, Maximum)
	default:
		return setOf(Count, Sum, Minimum, Maximum, Distribution)
	}
}

// Labels of every series, and those of some: the unit if it is not None, and all dimensions unchanged, in JSON, if
// a dimension's name is not a valid label name. Dimensions with these names get the prefix LabelPrefix.
const (
	LabelAccount    = "account"
	LabelRegion     = "region"
	LabelNamespace  = "namespace"
	LabelMetric     = "metric"
	LabelUnit       = "unit"
	LabelDimensions = "dimensions"
	LabelPrefix     = "dimension_"
)

var reserved = []string{LabelAccount, LabelRegion, LabelNamespace, LabelMetric, LabelUnit, LabelDimensions, "le", "quantile"}

// Name returns the name of a metric's series without the suffix of a kind, such as aws_sagemaker_invocations_per_instance for
// InvocationsPerInstance in AWS/SageMaker.
func Name(namespace, name string) string {
	out := strings.Trim(clean(strings.ToLower(namespace)), "_") + "_" + snake(name)
	if out[0] >= '0' && out[0] <= '9' {
		return "_" + out
	}
	return out
}

// clean replaces characters that are invalid in Prometheus' names.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, s)
}

// snake converts CPUUtilization to cpu_utilization.
func snake(s string) string {
	upper := func(i int) bool { return i < len(s) && s[i] >= 'A' && s[i] <= 'Z' }
	lower := func(i int) bool { return i < len(s) && s[i] >= 'a' && s[i] <= 'z' }
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && upper(i) && (lower(i-1) || upper(i-1) && lower(i+1)) {
			b.WriteByte('_')
		}
		b.WriteByte(s[i])
	}
	return clean(strings.ToLower(b.String()))
}

// labelName returns the label of a dimension, and whether the dimension's name can be derived from it.
func labelName(dimension string) (string, bool) {
	name := clean(dimension)
	if name[0] >= '0' && name[0] <= '9' || strings.HasPrefix(name, "__") {
		name = LabelPrefix + name
	}
	if slices.Contains(reserved, name) {
		name = LabelPrefix + name
	}
	return name, name == dimension && !strings.HasPrefix(name, LabelPrefix)
}

// Labels returns the labels of a metric's series. Different metrics have different labels.
func Labels(scope engine.Scope, id metric.ID, unit string, kind Kind) labels.Labels {
	b := labels.NewScratchBuilder(8 + len(id.Dimensions))
	b.Add(model.MetricNameLabel, Name(id.Namespace, id.Name)+suffixes[kind])
	b.Add(LabelAccount, scope.Account)
	b.Add(LabelRegion, scope.Region)
	b.Add(LabelNamespace, id.Namespace)
	b.Add(LabelMetric, id.Name)
	if unit != "None" {
		b.Add(LabelUnit, unit)
	}
	exact := true
	var taken []string
	for _, d := range id.Dimensions {
		name, tells := labelName(d.Name)
		exact = exact && tells
		if !slices.Contains(taken, name) {
			taken = append(taken, name)
			b.Add(name, d.Value)
		}
	}
	if !exact {
		b.Add(LabelDimensions, dimensionsText(id))
	}
	b.Sort()
	return b.Labels()
}

// dimensionsText returns the value of LabelDimensions.
func dimensionsText(id metric.ID) string {
	text, err := json.Marshal(id.Dimensions)
	if err != nil {
		panic("history: two texts cannot be written: " + err.Error())
	}
	return string(text)
}

// Identify is the inverse of Labels. ok is false for labels that Labels does not produce.
func Identify(ls labels.Labels) (scope engine.Scope, id metric.ID, unit string, kind Kind, ok bool) {
	unit = "None"
	name, dimensions := "", ""
	ls.Range(func(l labels.Label) {
		switch l.Name {
		case model.MetricNameLabel:
			name = l.Value
		case LabelAccount:
			scope.Account = l.Value
		case LabelRegion:
			scope.Region = l.Value
		case LabelNamespace:
			id.Namespace = l.Value
		case LabelMetric:
			id.Name = l.Value
		case LabelUnit:
			unit = l.Value
		case LabelDimensions:
			dimensions = l.Value
		default:
			id.Dimensions = append(id.Dimensions, metric.Dimension{Name: l.Name, Value: l.Value})
		}
	})
	if id.Namespace == "" || id.Name == "" {
		return scope, id, unit, kind, false
	}
	if dimensions != "" {
		id.Dimensions = nil
		if err := json.Unmarshal([]byte(dimensions), &id.Dimensions); err != nil {
			return scope, id, unit, kind, false
		}
	}
	suffix, found := strings.CutPrefix(name, Name(id.Namespace, id.Name))
	at := slices.Index(suffixes[:], suffix)
	return scope, id, unit, Kind(at), found && at >= 0
}
