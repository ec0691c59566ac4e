// Package socket reduces the cost of TCP connections with four system calls per request: those of the gateway to clients and instances.
//
// The standard library announces each read and write to the scheduler, which expects it to block. On a non-blocking socket it does not
// block: it transfers bytes or returns an error at once. Announced calls cost a fifth of the gateway's CPU time if cores are busy,
// since the scheduler's monitor takes the processor from them and gives it to another thread.
//
// Package port wraps the connections that it accepts, package invoke those that it opens.
package socket
