// Package invoke is the data plane: SageMaker Runtime's InvokeEndpoint over the copies that routes name.
//
// A Gateway gets routes (Apply), answers invocations (Handle), waits until a copy that routes no longer name has answered its last
// one (Drain), and returns what it measured (Flush, about once a second). It starts no goroutine and never decodes a payload.
//
// # An invocation
//
// Handle authenticates, takes the operation from the path, validates the headers by the API model, picks a variant, one of its
// fleets, and one of that fleet's copies, exchanges one request and one answer with the copy over a connection that is kept, and counts.
//
// # Fleets
//
// A route lists a variant's fleets by generation. Invocations are divided by the weights of those that have copies; where the
// chosen fleet has no room, another that has a weight takes the invocation. Copies are ejected by comparison with their own fleet.
//
// # No invocation is lost in a scale-in
//
// An invocation that picked a copy first counts itself as in flight there and then checks whether the copy is
// retired; if so, it picks again from the newest routes. Apply publishes routes without the copy and then retires it;
// Drain waits until a retired copy has none in flight. Atomics are sequentially consistent: either the invocation sees that
// the copy is retired, or Drain sees the invocation.
//
// # Retries
//
// An invocation is sent a second time only where no byte of it reached a copy: the connection could not be made, or took
// nothing of the request. A model never does the same work twice. Connections that a copy closed while they were idle are
// detected before they are used.
package invoke
