package awsapi_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sigv4"
)

// A call of a service that is not served is refused in the format of its clients, and its body is not read.
func TestUnservedServicesAreRefused(t *testing.T) {
	lookup := func(string) (sigv4.Key, bool) { return sigv4.Key{}, false }
	s := &awsapi.Server{
		Auth:     &awsapi.Authenticator{Now: time.Now, Account: "123456789012", Region: "us-east-1", Lookup: lookup},
		Services: []*awsapi.Service{{Name: "SageMaker", Signing: "sagemaker", Target: "SageMaker"}, {Name: "CloudWatch", Signing: "monitoring", Version: "2010-08-01"}},
		NewID:    func() string { return "r-1" }, Log: slog.New(slog.DiscardHandler),
	}
	const form = "application/x-www-form-urlencoded; charset=utf-8"
	for _, c := range []struct {
		name, method, path, service string
		header                      map[string]string
		status                      int
		kind, want                  string
	}{
		{"aws ec2", "POST", "/", "ec2", map[string]string{"Content-Type": form}, 400, "text/xml", `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
			"<Response><Errors><Error><Code>InvalidAction</Code><Message>This server does not serve the service ec2. It serves: monitoring, sagemaker." +
			"</Message></Error></Errors><RequestID>r-1</RequestID></Response>"},
		{"aws s3 ls", "GET", "/", "s3", nil, 501, "text/xml", "<Error><Code>NotImplemented</Code><Message>This server does not serve the service s3."},
		{"aws s3 cp", "PUT", "/bucket/key", "s3", map[string]string{"Content-Type": "text/plain"}, 501, "text/xml", "<Error><Code>NotImplemented</Code>"},
		{"aws sqs", "POST", "/", "sqs", map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"}, 404,
			"application/x-amz-json-1.0", `{"__type":"UnknownOperationException","message":"This server does not serve the service sqs.`},
		{"aws sns", "POST", "/", "sns", map[string]string{"Content-Type": form}, 400, "text/xml", "<ErrorResponse xmlns=\"\"><Error><Type>Sender</Type><Code>InvalidAction</Code>"},
		{"an action in the URL", "GET", "/?Action=Publish&Version=2010-03-31", "sns", map[string]string{"Content-Type": "application/json"}, 400, "text/xml",
			"<ErrorResponse xmlns=\"\"><Error><Type>Sender</Type><Code>InvalidAction</Code>"},
		{"aws route53", "GET", "/2013-04-01/hostedzone", "route53", nil, 400, "text/xml", "<ErrorResponse"},
		{"aws lambda", "GET", "/2015-03-31/functions", "lambda", nil, 404, "application/x-amz-json-1.1", `"message":"This server does not serve the service lambda.`},
		{"an rpc-v2-cbor service", "POST", "/service/X/operation/Y", "x", map[string]string{"Smithy-Protocol": "rpc-v2-cbor"}, 404, "application/cbor", "does not serve the service x."},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, unreadable{})
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			r.Header.Set("X-Amz-Date", "20261127T100000Z")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAREAL/20261127/us-east-1/"+c.service+"/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if got := w.Body.String(); w.Code != c.status || !strings.Contains(got, c.want) || !strings.HasPrefix(w.Header().Get("Content-Type"), c.kind) {
				t.Errorf("%d %s %s\nwant %d %s %s", w.Code, w.Header().Get("Content-Type"), got, c.status, c.kind, c.want)
			}
			if id := w.Header()["x-amzn-RequestId"]; len(id) != 1 || id[0] != "r-1" { //nolint:staticcheck // as AWS spells it
				t.Error("no request id")
			}
		})
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20261127%2Fus-east-1%2Fs3%2Faws4_request&"+
		"X-Amz-Date=20261127T100000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00", nil)
	if got := s.Unserved(&sigv4.Request{Method: r.Method, Path: "/", Query: r.URL.RawQuery}); got != "s3" {
		t.Errorf("a presigned URL is signed for %q", got)
	}
}

// unreadable is a body that must not be read.
type unreadable struct{}

func (unreadable) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
