// Package history keeps the datapoints of metrics for as long as CloudWatch does: in four embedded Prometheus TSDBs, one for each
// resolution, finer ones for less time.
//
//	h := history.Open(history.Options{…})
//	go h.Run(ctx)                     // takes what the engine hands over, writes it, tells the engine, rolls up
//	h.Series(ctx, scope, wants)       // for CloudWatch's calls: the samples of metrics, in memory or not
//	h.Querier(mint, maxt)             // for PromQL: a storage.Queryable, of every scope; names.go has the names and labels
//
// The engine hands over each sample once (metric.Pending), with content that does not change however often the past is decided again,
// and forgets it only when an input says that it is on disk (engine.HistoryKept, in the journal). So after a crash the same samples may be
// written once more, which changes nothing, and none is missing.
//
// A sample's place is its interval's start, plus as many milliseconds as it was minutes late: so late samples stand beside those in
// time, and readers add up what is of one interval.
package history
