// Package console serves the console, a page that browsers run (web/, built into dist/), and its HTTP API, which openapi.yaml describes: variants,
// timelines, explanations, a stream of what changes, and calls of AWS APIs by the account of a session. Beside it are the health page and
// explanations without JavaScript, each with a form for programs.
//
//	c := console.New(console.Options{…})
//	go c.Run(ctx)     // follows the journal, for the stream
//	c.Page(w, r)      // GET /, for browsers, and below /console/
//	c.API(w, r)       // below /console/api/
//	c.Health(w, r)    // GET /health, and / for programs
//	c.Explain(w, r)   // GET /explain/ENDPOINT/VARIANT?at=…&since=…&region=…&account=…
package console
