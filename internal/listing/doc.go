// Package listing reads what a server has, and returns it as tables for people and as JSON for programs. JSON has AWS's member names where it is
// what AWS's API answers; docs/cli.md has the schema of the rest.
//
//	a, err := listing.Endpoints(ctx, c, nil)
//	err = a.Write(screen, asJSON)
package listing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"bellows.dev/bellows/plural"
	"bellows.dev/bellows/scaling"
)

// atOnce is how many calls are made at a time where one is needed for each of many.
const atOnce = 8

// each calls f for 0 to n-1, several at a time, and returns the first error.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range n {
		group.Go(func() error { return f(ctx, i) })
	}
	return group.Wait()
}

// Age writes how long ago something was, in one unit.
func Age(now, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	switch d := now.Sub(at); {
	case d < 0:
		return "now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return plural.Of(int(d.Hours()/24), "day")
	}
}

// moment writes a time in UTC, to the second; "" for none.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// resource is the resource ID of a variant; nil for none.
func resource(endpoint, variant string) *string {
	if endpoint == "" || variant == "" {
		return nil
	}
	id := scaling.VariantTarget(endpoint, variant).ResourceID
	return &id
}

// variantOf returns ENDPOINT/VARIANT of a resource ID; other IDs as they are.
func variantOf(resourceID string) string {
	name, found := strings.CutPrefix(resourceID, "endpoint/")
	endpoint, variant, both := strings.Cut(name, "/variant/")
	if !found || !both {
		return resourceID
	}
	return endpoint + "/" + variant
}

// ofEndpoint reports whether a resource ID is of a variant of an endpoint; of any with "".
func ofEndpoint(resourceID, endpoint string) bool {
	return endpoint == "" || strings.HasPrefix(resourceID, "endpoint/"+endpoint+"/")
}
