// Package port owns the listening socket and its connections: it accepts, reads the head of each request, calls the handler before the
// body is read, and writes the response. fasthttp parses heads and renders responses. Its server is not used, since it reads
// bodies before any handler sees the head, allocates the size that a Content-Length claims, and has its own error responses.
//
// # Resources of unauthenticated clients
//
// The number of connections is limited below the limit of descriptors. To make room, connections without a verified request are closed first,
// the longest idle before others. A head is read into 4 KiB; a longer one, and every body, is charged to one Memory, which limits all
// unverified data. Verification moves the charge of a body to a second, larger Memory until the end of the request; beyond its limit requests
// get 503. Buffers grow with the data received, not with the length announced. A client that stops sending, or stops reading its response, is
// disconnected.
//
// # Refusals
//
// The port's own refusals (a malformed head, a head or body that is too long, a timeout, an upgrade) are Refusals, which
// Options.Refuse renders in the protocol indicated by the head. 100 Continue is sent when a handler first reads the body, so the body of a
// request that is refused by its head is never sent.
package port
