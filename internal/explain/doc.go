// Package explain explains why a variant did or did not scale: what each policy received and recommended at a moment of the last two weeks,
// the decision, warnings, and the events before it. The server returns explanations over HTTP, and `bellows explain` computes them without
// a server from the data directory.
//
// A moment is read from an engine with the state of that time: the current one, or one whose steps are repeated.
package explain
