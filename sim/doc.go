// Package sim runs an engine on virtual time: instances become healthy after a startup time, load is distributed over instances in
// service, and the clock jumps to the next event. Package scenario runs on it; it is not used in production.
//
// It is pure and uses no random numbers: the same steps give the same events.
package sim
