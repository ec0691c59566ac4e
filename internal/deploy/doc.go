// Package deploy composes calls of the AWS APIs: an endpoint with all that it needs in one go, its deletion with all that belongs to it, and the
// return to its previous configuration. It works against Bellows and against AWS. A deployment that fails or is interrupted is undone.
//
//	p, err := deploy.New(c, deploy.Spec{Name: "iris", Min: 1, Max: 4, Target: 600})
//	result, err := p.Run(ctx, func(e deploy.Event) { fmt.Println(e.Text) })
package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"bellows.dev/bellows/internal/client"
)

// Spec is what to deploy. Name is required; Min and Max are with a Target.
type Spec struct {
	Name    string // of the endpoint; the model and the endpoint configuration are named after it
	Variant string // default AllTraffic

	Image       string            // default: that of the built-in model
	ModelData   string            // s3:// or file:// URI of a prefix or archive; "": the image has all
	Environment map[string]string // of the model server
	Type        string            // of instances; default ml.m5.large
	Role        string            // ARN of the execution role; AWS requires one

	Min, Max int     // instances: the endpoint begins with Min, or with one where that is 0
	Target   float64 // invocations a minute of one instance that a policy keeps; 0: no policy

	StartupTimeout time.Duration // of an instance; default: the server's

	Poll time.Duration // how often the state is read; default 500 ms
}

// Defaults of Spec.
const (
	DefaultVariant = "AllTraffic"
	DefaultType    = "ml.m5.large"
	DemoImage      = "bellows/demo-model"
	PolicyName     = "bellows-deploy" // of the policy that keeps Target
	defaultPoll    = 500 * time.Millisecond
)

// nameMax is the longest name of an endpoint: configurations are named NAME-DATE-TIME, and AWS allows 63 characters.
const nameMax = 63 - len("-20060102-150405")

// validName matches names of endpoints. AWS: CreateEndpoint, EndpointName.
var validName = regexp.MustCompile(`^[a-zA-Z0-9](-*[a-zA-Z0-9])*$`)

// check completes a specification, or says what is wrong with it.
func (s *Spec) check() error {
	s.Variant, s.Type, s.Image, s.Poll = cmp.Or(s.Variant, DefaultVariant), cmp.Or(s.Type, DefaultType), cmp.Or(s.Image, DemoImage), cmp.Or(s.Poll, defaultPoll)
	switch {
	case !validName.MatchString(s.Name):
		return fmt.Errorf("the name is %q; want letters, digits and hyphens between them", s.Name)
	case len(s.Name) > nameMax:
		return fmt.Errorf("the name has %d characters; want at most %d", len(s.Name), nameMax)
	case s.Min < 0 || s.Max < s.Min || s.Max < 1:
		return fmt.Errorf("the instances are %d..%d; want MIN..MAX, such as 1..4", s.Min, s.Max)
	case s.Target < 0:
		return fmt.Errorf("the target is %g; want more than 0 invocations a minute and instance", s.Target)
	case s.ModelData != "" && !strings.HasPrefix(s.ModelData, "s3://") && !strings.HasPrefix(s.ModelData, "file:///"):
		return fmt.Errorf("the model data is %q; want an s3:// or file:/// URI", s.ModelData)
	}
	return nil
}

// Event is something that happened during a deployment.
type Event struct {
	At    time.Time
	Kind  Kind
	Step  string // what it is about, such as "endpoint iris"
	Text  string // a sentence
	Lines []string
}

// Kind is the kind of an event.
type Kind int

// Kinds of events.
const (
	Started Kind = iota + 1 // a step begins
	Waiting                 // what a step waits for has changed
	Done                    // a step has succeeded
	Failed                  // a step has failed; Lines is the end of an instance's log, where there is one
	Undoing                 // a step is being undone
	Undone
	Left // a step could not be undone, or is left as it is
)

// Result is what was deployed.
type Result struct {
	Endpoint string `json:"endpoint"`
	Variant  string `json:"variant"`
	Model    string `json:"model"`
	Config   string `json:"endpoint_config"`
	Previous string `json:"previous_endpoint_config,omitempty"` // of an endpoint that was there before
	Policy   string `json:"policy,omitempty"`                   // ARN

	Seconds float64 `json:"seconds"` // that it took
}

// Error is the error of a deployment that was undone, as far as Left does not say otherwise.
type Error struct {
	Step string   // that failed
	Err  error    // why
	Left []string // what could not be undone
	Made bool     // something had been made
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Step + ": " + reason(e.Err)
	switch {
	case len(e.Left) > 0:
		return text + "\nleft behind: " + strings.Join(e.Left, ", ")
	case e.Made:
		return text + "\nall that was made is undone"
	}
	return text + "\nnothing was changed"
}

// reason says why a step failed.
func reason(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return client.Plain(err).Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return client.Plain(e.Err) }

// wait calls f each time poll has passed until it reports that it is done.
func wait(ctx context.Context, poll time.Duration, f func() (done bool, err error)) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if done, err := f(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
