// Package loadgen sends one HTTP request over and over and measures what comes back, with as little work of its own as it can.
//
// A closed loop (Rate 0) keeps a fixed number of connections busy: each sends its next request when the last was answered.
// It finds a server's throughput. An open loop sends at a fixed rate whatever the answers do, and measures each latency from the
// moment at which its request was due, so that a server that stalls cannot hide the requests that would have come meanwhile.
package loadgen
