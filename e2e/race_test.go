//go:build race

package e2e

// buildFlags let the race detector watch the server too.
var buildFlags = []string{"-race"}
