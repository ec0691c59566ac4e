// Package socket makes TCP connections cheaper where each request costs four system calls: the gateway's, to clients and to instances.
//
// The standard library announces each read and write to the scheduler, which expects it to block. On a non-blocking socket it does not:
// it moves bytes or says at once that it cannot. Announced calls cost a fifth of the gateway's processor time where cores are busy,
// since the scheduler's monitor keeps taking the processor from them and giving it to another thread.
//
// Package port wraps the connections it accepts, package invoke those it opens.
package socket
