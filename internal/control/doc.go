// Package control is the only owner of an engine.Engine in production. It stamps each input with the policy clock's time, steps,
// commits input and events in one transaction, and only then answers and releases effects. Reads see committed states alone.
// After a crash it comes back from the newest snapshot and the journal behind it.
//
// cmd/bellows makes a Controller, gives it the store, the gateway's observations and the fleet's usage, and runs it.
package control
