package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/listing"
)

// FailedError is the error of an endpoint whose creation or update failed.
type FailedError struct {
	Endpoint string
	Reason   string // AWS's FailureReason
}

// Error implements error.
func (e *FailedError) Error() string {
	return fmt.Sprintf("%s failed: %s", e.Endpoint, cmp.Or(e.Reason, "no reason is given"))
}

// notDoneError is a refusal of the call that a step begins with: it has changed nothing.
type notDoneError struct{ error }

// Unwrap returns the refusal.
func (e *notDoneError) Unwrap() error { return e.error }

// refusedFirst marks the error of the call that a step begins with.
func refusedFirst(err error) error {
	if e := (*client.Error)(nil); errors.As(client.Plain(err), &e) {
		return &notDoneError{err}
	}
	return err
}

// inService waits until the endpoint is in service with a configuration.
func (d *Deployment) inService(ctx context.Context, config string) error {
	usual := d.usual(ctx)
	latest, reason := "", ""
	return wait(ctx, d.spec.Poll, func() (bool, error) {
		out, err := d.c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &d.spec.Name})
		if err != nil {
			return false, err
		}
		if text := aws.ToString(out.FailureReason); text != "" {
			reason = text
		}
		switch {
		case out.EndpointStatus == types.EndpointStatusFailed:
			return false, &FailedError{d.spec.Name, reason}
		case out.EndpointStatus == types.EndpointStatusInService && aws.ToString(out.EndpointConfigName) == config:
			return true, nil
		case out.EndpointStatus == types.EndpointStatusInService:
			return false, &FailedError{d.spec.Name, cmp.Or(reason, "it was rolled back to "+aws.ToString(out.EndpointConfigName))}
		}
		if text := d.progress(ctx, string(out.EndpointStatus), aws.ToString(out.FailureReason)) + usual; text != latest {
			latest = text
			d.event(Waiting, "endpoint "+d.spec.Name, text, nil)
		}
		return false, nil
	})
}

// progress says what the endpoint waits for.
func (d *Deployment) progress(ctx context.Context, status, reason string) string {
	text := status
	if found, err := listing.ReadVariants(ctx, d.c, listing.VariantsQuery{Text: d.spec.Name + "/" + d.spec.Variant}); err == nil && !d.c.AWS() {
		for _, v := range found.Variants {
			if v.Endpoint == d.spec.Name && v.Variant == d.spec.Variant {
				text += fmt.Sprintf(", %d of %d instances in service", v.Running, v.Desired)
				if v.Running < v.Desired {
					d.seen(ctx)
				}
				if v.Starting != "" {
					text += ": " + v.Starting
				}
			}
		}
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}

// startsRead is of how many variants past starts are read.
const startsRead = 10

// usual says how long a start of the image usually takes, by earlier starts on the server; "" where none is known.
func (d *Deployment) usual(ctx context.Context) string {
	if d.c.AWS() {
		return ""
	}
	var seconds []float64
	found, err := listing.ReadVariants(ctx, d.c, listing.VariantsQuery{Limit: 1000})
	if err != nil {
		return ""
	}
	read := 0
	for _, v := range found.Variants {
		if read < startsRead && (v.Endpoint == d.spec.Name || d.sameImage(ctx, v)) {
			read++
			seconds = append(seconds, d.starts(ctx, v)...)
		}
	}
	if len(seconds) == 0 {
		return ""
	}
	slices.Sort(seconds)
	return fmt.Sprintf(" (a start of it usually takes %s)", time.Duration(seconds[len(seconds)/2]*float64(time.Second)).Round(100*time.Millisecond))
}

// sameImage reports whether a variant runs the image that is deployed.
func (d *Deployment) sameImage(ctx context.Context, v listing.Variant) bool {
	out, err := d.c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &v.Endpoint})
	if err != nil {
		return false
	}
	for _, x := range out.ProductionVariants {
		for _, i := range x.DeployedImages {
			if aws.ToString(x.VariantName) == v.Variant && aws.ToString(i.SpecifiedImage) == d.spec.Image {
				return true
			}
		}
	}
	return false
}

// starts returns the seconds that starts of a variant's instances took in the last day.
func (d *Deployment) starts(ctx context.Context, v listing.Variant) (seconds []float64) {
	lives, err := listing.ReadLives(ctx, d.c, v.Endpoint, v.Variant, 24*time.Hour)
	if err != nil {
		return nil // how long it takes is not known then
	}
	for _, l := range lives {
		if s := l.Start(); s > 0 {
			seconds = append(seconds, s)
		}
	}
	return seconds
}

// logLines is how many lines of a log are shown.
const logLines = 15

// logOf returns the end of the log of an instance that failed; nil where the error is another one, or the server has no log of it.
func (d *Deployment) logOf(err error) []string {
	failed := (*FailedError)(nil)
	if !errors.As(err, &failed) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	lines, logErr := d.c.LastLog(ctx, "/aws/sagemaker/Endpoints/"+d.spec.Name, d.spec.Variant+"/", logLines)
	for i := len(d.copies) - 1; i >= 0 && (logErr != nil || len(lines) == 0); i-- {
		lines, logErr = d.c.LocalLog(d.copies[i], logLines)
	}
	if logErr != nil {
		return nil // the reason of the failure is shown anyhow
	}
	return lines
}

// seen notes the copies of the variant, whose logs are shown if it fails.
func (d *Deployment) seen(ctx context.Context) {
	all, err := listing.ReadInstances(ctx, d.c, d.spec.Name, d.spec.Variant)
	if err != nil {
		return // its log is not shown then
	}
	for _, i := range all {
		for _, id := range i.Copies {
			if !i.Ready && !slices.Contains(d.copies, id) {
				d.copies = append(d.copies, id)
			}
		}
	}
}

// DataURI returns the URI of model data that is named on a command line: a path of this machine becomes a file:// URI.
func DataURI(text string, absolute func(string) (string, error)) (string, error) {
	if text == "" || strings.HasPrefix(text, "s3://") || strings.HasPrefix(text, "file:///") {
		return text, nil
	}
	if strings.Contains(text, "://") {
		return "", fmt.Errorf("%s is neither a path nor an s3:// or file:/// URI", text)
	}
	path, err := absolute(text)
	if err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "file", Path: path}).String(), nil
}
