package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signedBySDK returns a request as the SDK signs and sends it.
func signedBySDK(t *testing.T, target string, header http.Header) *Request {
	t.Helper()
	h, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://h"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.Header = header
	none := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, h, hex.EncodeToString(none[:]),
		"sagemaker", "us-east-1", now); err != nil {
		t.Fatal(err)
	}
	r := &Request{Method: h.Method, Path: h.URL.EscapedPath(), Query: h.URL.RawQuery, Host: "h"}
	for name, values := range h.Header {
		for _, v := range values {
			r.Header = append(r.Header, Field{name, v})
		}
	}
	return r
}

func (r *Request) replace(name string, values ...string) {
	var out []Field
	for _, f := range r.Header {
		if !strings.EqualFold(f.Name, name) {
			out = append(out, f)
		}
	}
	for _, v := range values {
		out = append(out, Field{name, v})
	}
	r.Header = out
}

// Differences between the signed and the sent request that are allowed, and those that are not.
func TestAllowedDifferences(t *testing.T) {
	for _, c := range []struct {
		name   string
		target string // signed
		header http.Header
		sent   func(r *Request)
		ok     bool
	}{
		{name: "as it was signed", target: "/endpoints/e/invocations", ok: true},
		{name: "an encoded plus sign", target: "/?a=1%2B1", ok: true},
		{name: "a plus sign for an encoded one", target: "/?a=1%2B1", sent: func(r *Request) { r.Query = "a=1+1" }},
		{name: "a plus sign for a space", target: "/?a=1%201", sent: func(r *Request) { r.Query = "a=1+1" }, ok: true},
		{name: "parameters in another order", target: "/?a=1&b=2&a-b=3", sent: func(r *Request) { r.Query = "b=2&a-b=3&a=1" }, ok: true},
		{name: "values of one parameter in another order", target: "/?a=2&a=1", sent: func(r *Request) { r.Query = "a=1&a=2" }, ok: true},
		{
			name: "one header in two fields", target: "/", header: http.Header{"X-Amzn-Sagemaker-Custom-Attributes": {"a,b"}},
			sent: func(r *Request) { r.replace("X-Amzn-Sagemaker-Custom-Attributes", "a", "b") }, ok: true,
		},
		{
			name: "one header in two fields, the other way round", target: "/", header: http.Header{"X-Amzn-Sagemaker-Custom-Attributes": {"a,b"}},
			sent: func(r *Request) { r.replace("X-Amzn-Sagemaker-Custom-Attributes", "b", "a") },
		},
		{
			name: "spaces around and between", target: "/", header: http.Header{"X-Amz-Meta": {"a b"}},
			sent: func(r *Request) { r.replace("X-Amz-Meta", " \ta   b  ") }, ok: true,
		},
		{
			name: "a tab for a space", target: "/", header: http.Header{"X-Amz-Meta": {"a b"}},
			sent: func(r *Request) { r.replace("X-Amz-Meta", "a\tb") },
		},
		{name: "an empty segment", target: "/endpoints/e/invocations", sent: func(r *Request) { r.Path = "/endpoints//e/invocations" }, ok: true},
		{name: "dots", target: "/endpoints/e/invocations", sent: func(r *Request) { r.Path = "/endpoints/x/../e/./invocations" }, ok: true},
		{name: "an encoded letter", target: "/endpoints/e/invocations", sent: func(r *Request) { r.Path = "/endpoints/%65/invocations" }},
		{name: "no slash at the end", target: "/endpoints/e/", sent: func(r *Request) { r.Path = "/endpoints/e" }},
	} {
		header := c.header
		if header == nil {
			header = http.Header{}
		}
		r := signedBySDK(t, c.target, header)
		if c.sent != nil {
			c.sent(r)
		}
		_, err := verify(now, r, "", lookup(""))
		if c.ok && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.ok {
			expect(t, c.name, err, WrongSignature, "The request signature we calculated does not match")
		}
	}
}

// AWS requires the host and every x-amz header to be signed and accepts others unsigned: some clients add Accept or Content-Type after signing.
func TestHeadersThatMustBeSigned(t *testing.T) {
	for name, must := range map[string]bool{
		"Accept": false, "Content-Type": false, "User-Agent": false, "Amz-Sdk-Request": false, "X-Amzn-Trace-Id": false, "X-Forwarded-For": false,
		"X-Amzn-SageMaker-Target-Variant": true, "X-Amzn-SageMaker-Session-Id": true, "X-Amzn-SageMaker-Target-Model": true,
		"X-Amzn-SageMaker-Custom-Attributes": true, "X-Amzn-SageMaker-Inference-Id": true, "X-Amzn-Query-Mode": true,
		"X-Amz-Target": true, "X-Amz-Security-Token": true, "X-Amz-Content-Sha256": true, "X-Amz-Whatever": true,
	} {
		r := signedBySDK(t, "/endpoints/e/invocations", http.Header{})
		r.Header = append(r.Header, Field{name, "x"})
		find := lookup("")
		if name == "X-Amz-Security-Token" {
			find = lookup("x")
		}
		_, err := verify(now, r, "", find)
		if !must && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if must {
			expect(t, name, err, WrongSignature, "'"+strings.ToLower(name)+"' must be a 'SignedHeader'")
		}
	}
}

// A key is derived once per day, region and service, and again after the secret changes.
func TestKeysAreCached(t *testing.T) {
	var keys Keys
	v := vectors()[0]
	r := v.signedRequest()
	sum := sha256.Sum256([]byte(v.body))
	check := func(find func(string) (Key, bool)) error {
		c, err := Begin(now, &r, find)
		if err == nil {
			_, err = c.Finish(&r, sum, &keys)
		}
		return err
	}
	wrong := func(string) (Key, bool) { return Key{Secret: "another"}, true }
	if err := check(wrong); err == nil || keys.known.Load() != nil {
		t.Fatalf("a key is cached after a failed verification: %v", err)
	}
	for range 2 {
		if err := check(lookup("")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(*keys.known.Load()); n != 1 {
		t.Errorf("%d keys are cached", n)
	}
	if err := check(wrong); err == nil {
		t.Error("a cached key is used after its secret changed")
	}
	for i := range 3 * keysMax {
		keys.keep(derive(&Claim{authorization: authorization{keyID: keyID, date: "20261123", region: fmt.Sprint("r", i), service: "s"}}))
	}
	if n := len(*keys.known.Load()); n > keysMax {
		t.Errorf("%d keys are cached, the limit is %d", n, keysMax)
	}
	if err := check(lookup("")); err != nil {
		t.Error(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if err := check(lookup("")); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("a verification allocates %v times", n)
	}
}

func BenchmarkVerify(b *testing.B) {
	var keys Keys
	v := vectors()[1]
	r := v.signedRequest()
	sum := sha256.Sum256([]byte(v.body))
	find := lookup("")
	b.ReportAllocs()
	for b.Loop() {
		c, err := Begin(now, &r, find)
		if err == nil {
			_, err = c.Finish(&r, sum, &keys)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
