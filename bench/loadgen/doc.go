// Package loadgen sends one HTTP request repeatedly and measures the responses, with as little work of its own as possible.
//
// A closed loop (Rate 0) keeps a fixed number of connections busy: each sends its next request when the last one was answered. It finds a
// server's throughput. An open loop sends at a fixed rate regardless of the responses and measures each latency from the moment at which
// its request was due, so that a stall of the server counts for every request that was due meanwhile (no coordinated omission).
package loadgen
