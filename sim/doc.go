// Package sim drives an engine on virtual time: instances that become healthy after a while, load that is spread over those that
// serve, and a clock that jumps. Package scenario runs on it; production code has no part in it.
//
// It is pure, and draws no random number: the same steps give the same events.
package sim
