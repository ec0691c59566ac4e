// Package server composes a server of the parts that the other packages are: the store and the controller of the engine, the fleet, the gateway,
// the port with the APIs of AWS and Prometheus behind it, the history of metrics, notifications, the console, and metrics of its own.
//
//	s, err := server.New(ctx, server.Options{…})   // opens everything, or closes what it has opened
//	err = s.Run(ctx, false)                        // serves until ctx ends, then stops in order
//
// server.go opens the parts, parts.go has their options, flows.go passes inputs, events and effects between them, run.go runs and stops them,
// router.go passes requests on by their path.
package server
