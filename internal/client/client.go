// Package client calls a server for commands: Bellows, with the address and the key in its data directory or by URL, or AWS itself.
//
//	c, err := client.Open(ctx, client.Options{Dir: "./bellows-data"})
//	out, err := c.SageMaker.ListEndpoints(ctx, &sagemaker.ListEndpointsInput{})
//	err = c.Read(ctx, "variants", url.Values{"q": {"iris"}}, &rows) // the console's API, which only Bellows has
//
// Errors of calls are made readable by Plain.
package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
	"github.com/aws/smithy-go/logging"

	"bellows.dev/bellows/internal/addrfile"
	"bellows.dev/bellows/internal/credentials"
)

// Options say what to call. With none of EndpointURL, Profile and AWS it is the server of Dir.
type Options struct {
	Dir    string // data directory of a server of this machine
	Region string // default: the server's, or that of the environment or profile

	EndpointURL string // a server by its URL, with the credentials of the environment or of Profile
	Profile     string // of AWS's configuration files
	AWS         bool   // AWS itself, with the credentials of the environment
}

// Client calls one server, or AWS. Its members are the AWS SDK's clients.
type Client struct {
	SageMaker  *sagemaker.Client
	Runtime    *sagemakerruntime.Client
	Scaling    *applicationautoscaling.Client
	CloudWatch *cloudwatch.Client

	config aws.Config
	url    string // of a Bellows server, without a slash at its end; "" for AWS
	http   aws.HTTPClient
	dir    string // data directory by which the server was found; "" where it was not
}

// Open returns a client. It calls nothing yet. It fails with NoServerError where the data directory is none of a server.
func Open(ctx context.Context, o Options) (*Client, error) {
	if o.EndpointURL != "" || o.Profile != "" || o.AWS {
		return openByConfiguration(ctx, o)
	}
	key, err := credentials.Own(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NoServerError{o.Dir + " is not the data directory of a server (--data-dir names another)"}
	}
	if err != nil {
		return nil, err
	}
	at, found, err := addrfile.Find(o.Dir)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &NoServerError{fmt.Sprintf("the server of %s has not written its address: is `bellows serve` running?", o.Dir)}
	}
	if o.Region == "" {
		o.Region = at.Region
	}
	c := with(at.URL(), o.Region, key, at.Transport())
	c.dir = o.Dir
	return c, nil
}

// New returns a client of the server at a URL, with a key.
func New(url, region string, k credentials.Key) *Client {
	return with(url, region, k, &http.Transport{IdleConnTimeout: time.Minute}) // without a proxy
}

func with(url, region string, k credentials.Key, t *http.Transport) *Client {
	return of(aws.Config{
		Region: region, BaseEndpoint: &url, HTTPClient: &http.Client{Transport: t},
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: static(k),
	})
}

// static returns a key as the SDK takes it.
func static(k credentials.Key) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}, nil
	})
}

// openByConfiguration returns a client configured as AWS's own clients are, by the environment and AWS's files.
func openByConfiguration(ctx context.Context, o Options) (*Client, error) {
	set := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if o.Profile != "" {
		set = append(set, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Region != "" {
		set = append(set, config.WithRegion(o.Region))
	}
	if o.EndpointURL != "" {
		u, err := url.Parse(o.EndpointURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("--endpoint-url is %q; want a URL such as http://127.0.0.1:4580", o.EndpointURL)
		}
		set = append(set, config.WithBaseEndpoint(strings.TrimSuffix(o.EndpointURL, "/")))
	}
	c, err := config.LoadDefaultConfig(ctx, set...)
	if err != nil {
		return nil, fmt.Errorf("reading AWS's configuration: %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("no region is configured: add --region, or set AWS_REGION")
	}
	return of(c), nil
}

// of returns a client with a configuration.
func of(c aws.Config) *Client {
	x := &Client{
		SageMaker: sagemaker.NewFromConfig(c), Runtime: sagemakerruntime.NewFromConfig(c), Scaling: applicationautoscaling.NewFromConfig(c),
		CloudWatch: cloudwatch.NewFromConfig(c), config: c, http: c.HTTPClient,
	}
	if at := aws.ToString(c.BaseEndpoint); at != "" && !ofAWS(at) {
		x.url = strings.TrimSuffix(at, "/")
	}
	if x.http == nil {
		x.http = http.DefaultClient
	}
	return x
}

// ofAWS reports whether a URL is one of AWS's own.
func ofAWS(at string) bool {
	u, err := url.Parse(at)
	host := ""
	if err == nil {
		host = u.Hostname()
	}
	return strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn") || strings.HasSuffix(host, ".api.aws")
}

// AWS reports whether the client calls AWS itself. What only Bellows has then fails with an OnlyBellowsError.
func (c *Client) AWS() bool { return c.url == "" }

// Region returns the region that calls are for.
func (c *Client) Region() string { return c.config.Region }

// URL returns the address of the server, "" for AWS.
func (c *Client) URL() string { return c.url }

// Name names what is called, for people: a URL, or AWS and the region.
func (c *Client) Name() string {
	if c.AWS() {
		return "AWS " + c.config.Region
	}
	return c.url
}

// Local reports whether the server was found by its data directory.
func (c *Client) Local() bool { return c.dir != "" }
