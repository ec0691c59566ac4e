// Package control owns the engine.Engine of a running server. It assigns each input the policy clock's time, steps the engine, commits inputs and
// events in groups, and only then answers callers and releases effects. Steps continue while a group is being committed. Reads return once the
// state they saw is durable. After a crash the engine is restored from the newest snapshot and the journal after it.
//
// The server makes a Controller with a log (internal/log), the gateway's measurements and the fleet's usage, and runs it.
package control
