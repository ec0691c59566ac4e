// Package history stores datapoints of metrics with CloudWatch's retention in four embedded Prometheus TSDBs, one for each
// resolution, finer ones for shorter times.
//
//	h := history.Open(history.Options{…})
//	go h.Run(ctx)                     // writes the samples that the engine hands over, confirms them, rolls up
//	h.Series(ctx, scope, wants)       // for CloudWatch calls: the samples of metrics in memory and on disk
//	h.Querier(mint, maxt)             // for PromQL: a storage.Queryable over all scopes; names.go has the names and labels
//
// The engine hands over each sample once (metric.Pending), with content that is the same in every replay of the journal, and drops it only
// when an input confirms that it is on disk (engine.HistoryKept, in the journal). So after a crash the same samples may be
// written again, which changes nothing, and none is missing.
//
// The timestamp of a sample is its interval's start plus as many milliseconds as it was minutes late. So late samples are stored next to
// timely ones, and readers add up the samples of one interval.
package history
