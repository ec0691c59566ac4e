package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"bellows.dev/bellows/internal/explain"
)

// liveTimeout limits how long a server is asked.
const liveTimeout = 2 * time.Second

// Live returns what the server of a data directory says of its clocks and its journal; false where none answers that knows the directory's key.
func Live(ctx context.Context, dir string) (l explain.Live, ok bool) {
	c, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		return l, false
	}
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	response, err := c.send(ctx, http.MethodGet, "/health", nil, nil)
	if err != nil {
		return l, false
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	var health struct {
		Policy time.Time       `json:"policy_time"`
		Speed  float64         `json:"clock_speed"`
		Uptime string          `json:"uptime"`
		Outage *explain.Outage `json:"outage"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, answerMax)).Decode(&health); err != nil || health.Policy.IsZero() {
		return l, false
	}
	up, err := time.ParseDuration(health.Uptime)
	if err != nil || health.Speed <= 0 {
		return l, false
	}
	now := time.Now().UTC()
	clock := explain.Clock{Policy: health.Policy, Wall: now, Speed: health.Speed, Started: now.Add(-up - time.Second)}
	return explain.Live{Clock: clock, Outage: health.Outage}, true
}
