package metric

import "time"

// DataQuery is one query of GetMetricData, of an alarm's Metrics, or of a customized metric's: a statistic of a metric, or an
// expression over other queries. Exactly one of Stat and Expression is set. Package metric/expr checks and evaluates lists of them.
type DataQuery struct {
	ID         string        // its name in expressions; begins with a small letter, unique in its list
	Label      string        `json:",omitzero"` // "": derived from the query
	Stat       *MetricStat   `json:",omitzero"`
	Expression string        `json:",omitzero"`
	Period     time.Duration `json:",omitzero"` // of an expression; 0: that of the queries it refers to. A Stat has its own
	Hidden     bool          `json:",omitzero"` // ReturnData is false: for other queries to use
	Account    string        `json:",omitzero"` // AccountId, as it was given
}

// MetricStat is a metric and the statistic to take of it.
type MetricStat struct {
	Metric    ID
	Statistic Statistic
	Unit      string        `json:",omitzero"` // "": any
	Period    time.Duration // 1, 5, 10, 20, 30 s or a multiple of a minute
	Order     []Dimension   `json:",omitzero"` // the dimensions in the order given, where that is not by name
}

// Given returns the dimensions in the order in which they were given.
func (s *MetricStat) Given() []Dimension {
	if s.Order != nil {
		return s.Order
	}
	return s.Metric.Dimensions
}
