// Command bellows is the one binary: it joins the pure rooms with the world. Today it runs the demo model; the server comes
// with its edges (see README.md, "Where it stands").
package main
