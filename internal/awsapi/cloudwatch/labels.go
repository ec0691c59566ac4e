package cloudwatch

import (
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// naming generates labels for metrics without one, from the properties that distinguish them. AWS: recorded.
type naming struct {
	namespace, name string
	differ          bool // more than one namespace
	names           bool // more than one name
	members         int
	shared          map[metric.Dimension]int        // number of metrics that have the dimension with the value
	requested       map[string]*struct{ a, b bool } // by metric: requested with several statistics, with several periods
	first           map[string]expr.Origin
}

// newNaming analyses the metrics that have to be distinguished.
func newNaming(members []*expr.Origin) *naming {
	n := &naming{
		members: len(members), shared: map[metric.Dimension]int{}, requested: map[string]*struct{ a, b bool }{}, first: map[string]expr.Origin{},
	}
	for i, o := range members {
		if i == 0 {
			n.namespace, n.name = o.Metric.Namespace, o.Metric.Name
		}
		n.differ = n.differ || o.Metric.Namespace != n.namespace
		n.names = n.names || o.Metric.Name != n.name
		for _, d := range o.Metric.Dimensions {
			n.shared[d]++
		}
		key := o.Metric.Key()
		first, known := n.first[key]
		if !known {
			n.first[key], n.requested[key] = *o, &struct{ a, b bool }{}
			continue
		}
		t := n.requested[key]
		t.a = t.a || first.Statistic.String() != o.Statistic.String()
		t.b = t.b || first.Period != o.Period
	}
	return n
}

// label joins the properties that are not the same for all: namespace, values of dimensions, name; then, if a metric is requested with several
// statistics or periods, the statistic or period.
func (n *naming) label(o *expr.Origin) string {
	var parts []string
	if n.differ || n.members > 0 && o.Metric.Namespace != n.namespace {
		parts = append(parts, o.Metric.Namespace)
	}
	for _, d := range o.Metric.Dimensions {
		if n.shared[d] < n.members {
			parts = append(parts, d.Value)
		}
	}
	if n.names || o.Metric.Name != n.name || len(parts) == 0 {
		parts = append(parts, o.Metric.Name)
	}
	if t := n.requested[o.Metric.Key()]; t != nil {
		if t.a {
			parts = append(parts, o.Statistic.String())
		}
		if t.b {
			parts = append(parts, strconv.Itoa(int(o.Period/time.Second)))
		}
	}
	return strings.Join(parts, " ")
}
