// Package console serves the pages that people and their probes look at: how the server and its endpoints are, and why a variant has the
// capacity that it has. Each page has a form for programs, too.
//
//	c := console.New(console.Options{…})
//	c.Health(w, r)    // GET / and /health
//	c.Explain(w, r)   // GET /explain/ENDPOINT/VARIANT?at=…&since=…&region=…&account=…
package console
