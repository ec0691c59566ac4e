// Package port owns the listening socket and its connections: it accepts, reads the head of each request, hands the request on while
// its body is still on the wire, and writes the answer. fasthttp parses heads and renders answers; its server is not used, since it reads
// bodies before anybody has looked at the head, allocates what a Content-Length claims, and answers errors of its own.
//
// # What a client without a key can cost
//
// Connections are capped below the limit of descriptors; to make room, those that have never been verified go first, the longest idle
// before others. A head is read into 4 KiB; a longer one, and every body, is charged to one Memory, which bounds all that is not yet
// verified. A request that is verified moves its body's charge to a second, larger Memory, until it is over: who holds a key has a bound, too,
// and gets 503 beyond it. Buffers grow with what has arrived, never with what was announced. A client that stops sending, or stops reading its answer, is
// cut off.
//
// # Refusals
//
// Whatever the port refuses by itself (a malformed head, a head or body that is too long, a time-out, an upgrade) is a Refusal, which
// Options.Refuse renders in the protocol that the request seems to speak. A body is asked for (100 Continue) when a handler first reads it:
// one that is refused by its head is never sent.
package port
