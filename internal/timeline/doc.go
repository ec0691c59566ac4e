// Package timeline reconstructs what a variant did over a stretch of time: its load, the states of its alarms, its capacity and what changed
// it, the life of each instance, and its events, grouped from cause to result. It reads the event history and the metric history and
// computes no decision of its own; package console serves it.
//
//	t, err := timeline.Build(ctx, sources, timeline.Query{Scope: scope, Endpoint: "iris", Variant: "AllTraffic", From: from, To: to})
package timeline
