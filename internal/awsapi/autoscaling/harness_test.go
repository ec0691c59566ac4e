package autoscaling_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/smithy-go"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/autoscaling"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

var scope = engine.Scope{Account: "123456789012", Region: "us-east-1"}

// backend is an engine and its activities in memory, with a clock set by the test.
type backend struct {
	mu         sync.Mutex
	engine     *engine.Engine
	now        time.Time
	activities []scaling.Activity // by start, oldest first, one entry per ID
}

func (b *backend) Step(_ context.Context, in engine.Input) (engine.Result, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out, err := b.engine.Step(b.now, in)
	if err != nil {
		return nil, err
	}
	for _, e := range out.Events {
		a, ok := e.(engine.ActivityChanged)
		if !ok {
			continue
		}
		i := slices.IndexFunc(b.activities, func(x scaling.Activity) bool { return x.ID == a.Activity.ID })
		if i < 0 {
			b.activities = append(b.activities, a.Activity)
		} else {
			b.activities[i] = a.Activity
		}
	}
	return out.Result, nil
}

func (b *backend) View(_ context.Context, f func(time.Time, *engine.Engine)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.now, b.engine)
	return nil
}

// History reads activities newest first; tokens are the index of the last one read.
func (b *backend) Events(_ context.Context, q log.EventQuery) ([]engine.Recorded, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	end := len(b.activities)
	if q.Token != "" {
		n, err := strconv.Atoi(q.Token)
		if err != nil || n > end {
			return nil, "", &awsapi.ErrToken{Err: errors.New("no index")}
		}
		end = n
	}
	var out []engine.Recorded
	for i := end - 1; i >= 0; i-- {
		a := b.activities[i]
		kind := log.TypeScaled
		if a.NotScaled.Code != 0 {
			kind = log.TypeNotScaled
		}
		if q.Table != log.TableActivity || (q.Key != "" && q.Key != a.Key.ResourceID) || !slices.Contains(q.Types, kind) || a.Start.Before(q.From) {
			continue
		}
		if len(out) == q.Limit {
			return out, strconv.Itoa(i + 1), nil
		}
		out = append(out, engine.Recorded{At: a.Start, Event: engine.ActivityChanged{Scope: scope, Activity: a}})
	}
	return out, "", nil
}

// world is a server and an SDK client connected to it over a socket.
type world struct {
	*backend
	t      *testing.T
	client *sdk.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	b := &backend{engine: engine.New(engine.Config{Seed: 1}), now: now}
	n := 0
	server := httptest.NewServer(&awsapi.Server{
		Auth: &awsapi.Authenticator{Now: time.Now, Account: scope.Account, Region: scope.Region}, Services: []*awsapi.Service{autoscaling.New(b)},
		NewID: func() string { n++; return fmt.Sprint(n) }, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(server.Close)
	return &world{b, t, sdk.NewFromConfig(aws.Config{
		Region: scope.Region, BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 3, // the clients' default: a connection may be lost
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})}
}

func (w *world) must(in engine.Input) {
	w.t.Helper()
	if _, err := w.Step(w.t.Context(), in); err != nil {
		w.t.Fatalf("%T: %v", in, err)
	}
}

// endpoint creates an endpoint with variants v0, v1, …, whose instances are in service at once.
func (w *world) endpoint(name string, variants int) {
	w.t.Helper()
	w.must(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: name}})
	config := hosting.EndpointConfig{Name: name}
	for i := range variants {
		config.Variants = append(config.Variants, hosting.VariantConfig{
			Name: fmt.Sprint("v", i), Model: name, InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large",
		})
	}
	w.must(engine.CreateEndpointConfig{Scope: scope, Config: config})
	w.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: name}, Config: name})
	w.ready(name)
}

// ready makes every instance of an endpoint healthy and ends draining ones.
func (w *world) ready(name string) {
	w.t.Helper()
	for range 3 {
		var reports []hosting.InstanceReport
		x, err := w.engine.Region(scope).Hosting.Endpoint(name)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, specs := range w.engine.Region(scope).Hosting.Specs(x) {
			for _, s := range specs {
				r := hosting.InstanceReport{ID: s.ID, State: hosting.FleetReady, Address: "192.0.2.1:8080"}
				if s.Draining {
					r = hosting.InstanceReport{ID: s.ID, State: hosting.FleetGone}
				}
				reports = append(reports, r)
			}
		}
		for _, r := range reports {
			w.must(engine.Reported{Report: r})
		}
		w.pass(time.Second)
	}
}

// pass advances the clock.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	w.must(engine.Tick{})
}

func resource(endpoint string, variant int) *string {
	return aws.String(fmt.Sprintf("endpoint/%s/variant/v%d", endpoint, variant))
}

// refused checks AWS's code and text of an error.
func (w *world) refused(err error, code, text string) {
	w.t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		w.t.Errorf("%v\nwant %s: %s", err, code, text)
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
