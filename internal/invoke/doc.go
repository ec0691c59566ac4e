// Package invoke is the data plane: SageMaker Runtime's InvokeEndpoint over model servers that routes name.
//
// A Gateway is given routes (Apply), answers invocations (Handle), says when an instance that routes no longer name has answered
// its last one (Drain), and hands over what it measured (Flush, about once a second). It starts no goroutine and never decodes
// a payload.
//
// # The way of an invocation
//
// Handle authenticates, tells the operation by its path, holds the headers against the API model, picks a variant and one of
// its instances, exchanges one request and one answer with it over a connection that is kept, and counts.
//
// # No invocation is lost in a scale-in
//
// An invocation that picked an instance first counts itself as in flight there and then looks whether the instance is
// retired; if so, it picks again from the newest routes. Apply publishes routes without the instance and then retires it;
// Drain waits until a retired instance has none in flight. Atomics are sequentially consistent: either the invocation sees that
// the instance is retired, or Drain sees the invocation.
//
// # Retries
//
// An invocation is sent a second time only where no byte of it reached an instance: the connection could not be made, or took
// nothing of the request. A model's work is never done twice. Connections that an instance closed while they were idle are
// found before they are used.
package invoke
