package sagemaker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sagemaker"
	"bellows.dev/bellows/internal/log"
)

var scope = engine.Scope{Account: "123456789012", Region: "us-east-1"}

// backend is an engine in memory, on a clock that the test sets.
type backend struct {
	mu     sync.Mutex
	engine *engine.Engine
	now    time.Time
}

func (b *backend) Step(_ context.Context, in engine.Input) (engine.Result, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out, err := b.engine.Step(b.now, in)
	if err != nil {
		return nil, err
	}
	return out.Result, nil
}

func (b *backend) View(_ context.Context, f func(time.Time, *engine.Engine)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.now, b.engine)
	return nil
}

func (b *backend) Events(context.Context, log.EventQuery) ([]engine.Recorded, string, error) {
	return nil, "", errors.New("SageMaker's control plane reads no history")
}

// world is SageMaker's control plane behind a socket.
type world struct {
	*backend
	t   *testing.T
	url string
}

// newWorld knows the images "known" and "other", every model data but s3://bucket/gone, and the instance types ml.c5.large, ml.m5.large and
// ml.p5.48xlarge, which never fits.
func newWorld(t *testing.T) *world {
	t.Helper()
	b := &backend{engine: engine.New(engine.Config{Seed: 1}), now: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)}
	service := sagemaker.New(b, sagemaker.Options{
		Image: func(image string) error {
			if image != "known" && image != "other" {
				return fmt.Errorf("no fleet runs the image %q", image)
			}
			return nil
		},
		ModelData: func(_ context.Context, d hosting.ModelData) error {
			if d.URI == "s3://bucket/gone" {
				return errors.New("Could not find model data at s3://bucket/gone.")
			}
			return nil
		},
		InstanceTypes: func() []string { return []string{"ml.c5.large", "ml.m5.large", "ml.p5.48xlarge"} },
		Fits: func(name string) error {
			if name == "ml.p5.48xlarge" {
				return errors.New("it can never fit")
			}
			return nil
		},
	})
	n := 0
	server := httptest.NewServer(&awsapi.Server{
		Auth: &awsapi.Authenticator{Now: time.Now, Account: scope.Account, Region: scope.Region}, Services: []*awsapi.Service{service},
		NewID: func() string { n++; return fmt.Sprint(n) }, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(server.Close)
	return &world{b, t, server.URL}
}

// answer is what a client gets.
type answer struct {
	status int
	code   string // of an error
	text   string // of an error
	body   string
}

// call sends a request as it is.
func (w *world) call(operation, body string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "SageMaker."+operation)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, body: string(text)}
	if a.status >= http.StatusBadRequest {
		var e struct {
			Type    string `json:"__type"`
			Message string `json:"message"` // in either case
		}
		if err := json.Unmarshal(text, &e); err != nil {
			w.t.Fatalf("%s: %s: %v", operation, text, err)
		}
		a.code, a.text = e.Type, e.Message
	}
	return a
}

// do makes a call that succeeds.
func (w *world) do(operation, body string) string {
	w.t.Helper()
	a := w.call(operation, body)
	if a.status != http.StatusOK {
		w.t.Fatalf("%s %s: %d %s", operation, body, a.status, a.body)
	}
	return a.body
}

// state is all that the engine knows.
func (w *world) state() string {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	text, err := json.Marshal(w.engine.State())
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// report lets every instance of an endpoint report a state; those that drain are gone.
func (w *world) report(endpoint string, state hosting.FleetState) {
	w.t.Helper()
	for range 3 {
		w.now = w.now.Add(time.Second)
		x, err := w.engine.Region(scope).Hosting.Endpoint(endpoint)
		if err != nil {
			return // it is deleted
		}
		var reports []hosting.InstanceReport
		for _, specs := range w.engine.Region(scope).Hosting.Specs(x) {
			for _, s := range specs {
				r := hosting.InstanceReport{ID: s.ID, State: state, Address: "192.0.2.1:8080"}
				switch {
				case s.Draining:
					r = hosting.InstanceReport{ID: s.ID, State: hosting.FleetGone}
				case state == hosting.FleetFailed:
					r = hosting.InstanceReport{ID: s.ID, State: state, Reason: "It exited with code 3.", Final: true}
				}
				reports = append(reports, r)
			}
		}
		for _, r := range reports {
			if _, err := w.Step(w.t.Context(), engine.Reported{Report: r}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// populate makes two models, a config of two variants, and an endpoint in each status that lasts: "live" is InService, "new" Creating,
// "broken" Failed, "moving" Updating and "going" Deleting.
func (w *world) populate() {
	w.t.Helper()
	w.do("CreateModel", `{"ModelName": "m", "PrimaryContainer": {"Image": "known"}, "ExecutionRoleArn": "arn:aws:iam::123456789012:role/serve"}`)
	w.do("CreateModel", `{"ModelName": "spare", "PrimaryContainer": {"Image": "other"}}`)
	w.do("CreateEndpointConfig", `{"EndpointConfigName": "c", "ProductionVariants": [
		{"VariantName": "blue", "ModelName": "m", "InitialInstanceCount": 2, "InstanceType": "ml.m5.large"},
		{"VariantName": "green", "ModelName": "spare", "InitialInstanceCount": 1, "InitialVariantWeight": 0.5, "InstanceType": "ml.c5.large"}]}`)
	w.do("CreateEndpointConfig", `{"EndpointConfigName": "next", "ProductionVariants": [
		{"VariantName": "blue", "ModelName": "spare", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`)
	for _, name := range []string{"live", "moving", "going", "broken", "new"} {
		w.do("CreateEndpoint", fmt.Sprintf(`{"EndpointName": %q, "EndpointConfigName": "c", "Tags": [{"Key": "team", "Value": "vision"}]}`, name))
		switch name {
		case "broken":
			w.report(name, hosting.FleetFailed)
		case "new":
		default:
			w.report(name, hosting.FleetReady)
		}
	}
	w.do("UpdateEndpoint", `{"EndpointName": "moving", "EndpointConfigName": "next"}`)
	w.do("DeleteEndpoint", `{"EndpointName": "going"}`)
	w.now = w.now.Add(time.Minute)
}
