package sigv4

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"
)

const (
	keyID  = "AKIDEXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var now = time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)

// fields is a header of single values.
func fields(h map[string]string) []Field {
	var out []Field
	for name, value := range h {
		out = append(out, Field{name, value})
	}
	return out
}

func lookup(token string) func(string) (Key, bool) {
	return func(id string) (Key, bool) {
		return Key{Secret: secret, Token: token, Account: "123456789012"}, id == keyID
	}
}

// vector is a request signed by botocore.
type vector struct {
	request                       Request
	body                          string
	headers                       map[string]string
	service, signed, token, wants string
}

func vectors() []vector {
	return []vector{
		{
			request: Request{Method: "POST", Path: "/", Host: "application-autoscaling.us-east-1.amazonaws.com"},
			body:    `{"ServiceNamespace":"sagemaker"}`,
			headers: map[string]string{
				"content-type": "application/x-amz-json-1.1", "x-amz-date": "20261123T190000Z",
				"x-amz-target": "AnyScaleFrontendService.DescribeScalableTargets",
			},
			service: "application-autoscaling", signed: "content-type;host;x-amz-date;x-amz-target",
			wants: "235139175352b1e08304d2437ec1569d6343fc8ec64b9d89da760953afa46de9",
		},
		{
			request: Request{Method: "POST", Path: "/endpoints/my-ep/invocations", Host: "runtime.sagemaker.us-east-1.amazonaws.com"},
			body:    `{"x":1}`,
			headers: map[string]string{
				"content-type": "application/json", "x-amz-date": "20261123T190000Z", "x-amzn-sagemaker-target-variant": "blue",
			},
			service: "sagemaker", signed: "content-type;host;x-amz-date;x-amzn-sagemaker-target-variant",
			wants: "b1955996c94d431df8f7d9da2cf94d2b0a61ff39c5b87e0a62debf221ec21502",
		},
		{
			request: Request{Method: "POST", Path: "/", Host: "127.0.0.1:4566"},
			body:    "Action=ExecutePolicy&Version=2011-01-01&AutoScalingGroupName=g&PolicyName=p&HonorCooldown=true",
			headers: map[string]string{
				"content-type": "application/x-www-form-urlencoded; charset=utf-8", "x-amz-date": "20261123T190000Z",
				"x-amz-security-token": "TOKEN",
			},
			service: "autoscaling", signed: "content-type;host;x-amz-date;x-amz-security-token", token: "TOKEN",
			wants: "16f5ad397a3db92299aa9dd87e72a43a5c660127b6d3b03d9f53d55e122495cb",
		},
	}
}

func (v vector) signedRequest() Request {
	v.headers["authorization"] = algorithm + " Credential=" + keyID + "/20261123/us-east-1/" + v.service +
		"/aws4_request, SignedHeaders=" + v.signed + ", Signature=" + v.wants
	v.request.Header = fields(v.headers)
	return v.request
}

// verify runs both steps.
func verify(at time.Time, r *Request, body string, find func(string) (Key, bool)) (Identity, error) {
	c, err := Begin(at, r, find)
	if err != nil {
		return Identity{}, err
	}
	return c.Finish(r, sha256.Sum256([]byte(body)), nil)
}

func TestVectorsSignedByBotocore(t *testing.T) {
	for _, v := range vectors() {
		r := v.signedRequest()
		id, err := verify(now, &r, v.body, lookup(v.token))
		if err != nil || id != (Identity{AccessKeyID: keyID, Account: "123456789012", Region: "us-east-1", Service: v.service}) {
			t.Errorf("%s: %+v, %v", v.service, id, err)
		}
	}
}

// Any change after signing makes the signature wrong.
func TestTamperedRequestsAreRefused(t *testing.T) {
	for name, tamper := range map[string]func(*Request, *string){
		"body":   func(_ *Request, body *string) { *body += " " },
		"path":   func(r *Request, _ *string) { r.Path = "/other" },
		"query":  func(r *Request, _ *string) { r.Query = "a=b" },
		"method": func(r *Request, _ *string) { r.Method = "PUT" },
		"host":   func(r *Request, _ *string) { r.Host = "elsewhere" },
		"header": func(r *Request, _ *string) {
			for i := range r.Header {
				if r.Header[i].Name == "content-type" {
					r.Header[i].Value = "text/plain"
				}
			}
		},
	} {
		for _, v := range vectors() {
			r := v.signedRequest()
			tamper(&r, &v.body)
			_, err := verify(now, &r, v.body, lookup(v.token))
			expect(t, name, err, WrongSignature, "The request signature we calculated does not match")
		}
	}
}

func expect(t *testing.T, name string, err error, kind Kind, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Msg, text) {
		t.Errorf("%s: %v, want kind %d with %q", name, err, kind, text)
	}
}

func TestRefusals(t *testing.T) {
	verified := func(change func(h map[string]string), at time.Time) error {
		v := vectors()[0]
		r := v.signedRequest()
		change(v.headers)
		r.Header = fields(v.headers)
		_, err := verify(at, &r, v.body, lookup(""))
		return err
	}
	auth := func(old, replacement string) func(map[string]string) {
		return func(h map[string]string) {
			h["authorization"] = strings.Replace(h["authorization"], old, replacement, 1)
		}
	}
	set := func(value string) func(map[string]string) {
		return func(h map[string]string) { h["authorization"] = value }
	}
	none := func(map[string]string) {}
	for _, c := range []struct {
		name   string
		change func(map[string]string)
		at     time.Time
		kind   Kind
		text   string
	}{
		{"no header", func(h map[string]string) { delete(h, "authorization") }, now, Missing, "Missing Authentication Token"},
		{"empty header", set(" "), now, Incomplete, "Authorization header cannot be empty."},
		{"no signature", auth("Signature=", "Sig="), now, Incomplete, "Authorization header requires 'Signature' parameter."},
		{"no pair", auth("SignedHeaders=", "SignedHeaders"), now, Incomplete, "not a valid key=value pair (missing equal-sign)"},
		{"unknown key", auth(keyID, "AKIDOTHER"), now, UnknownKey, "The security token included in the request is invalid."},
		{"terminator", auth("aws4_request", "aws5"), now, WrongSignature, "valid terminator: 'aws4_request', not 'aws5'."},
		{"region", auth("us-east-1", "US_EAST"), now, WrongSignature, "valid Region, not 'US_EAST'."},
		{"scope's date", auth("20261123", "20261122"), now, WrongSignature, "'20261122' != '20261123', from '20261123T190000Z'."},
		{"host unsigned", auth(";host", ""), now, WrongSignature, "'host' must be a 'SignedHeader'"},
		{"target unsigned", auth(";x-amz-target", ""), now, WrongSignature, "'x-amz-target' must be a 'SignedHeader'"},
		{"old", none, now.Add(16 * time.Minute), Expired,
			"Signature expired: 20261123T190000Z is now earlier than 20261123T190100Z (20261123T191600Z - 15 min.)"},
		{"early", none, now.Add(-16 * time.Minute), Expired,
			"Signature not yet current: 20261123T190000Z is still later than 20261123T185900Z (20261123T184400Z + 15 min.)"},
		{"too many signed headers", auth("content-type;", strings.Repeat("a;", 200)), now, Incomplete, "at most 128 are accepted"},
		{"wrong token", func(h map[string]string) { h["x-amz-security-token"] = "x" }, now, UnknownKey, "is invalid."},
	} {
		expect(t, c.name, verified(c.change, c.at), c.kind, c.text)
	}
	if err := verified(none, now.Add(14*time.Minute)); err != nil {
		t.Errorf("14 minutes old: %v", err)
	}
}

func TestExpiredSession(t *testing.T) {
	v := vectors()[2]
	r := v.signedRequest()
	_, err := verify(now, &r, v.body, func(string) (Key, bool) { return Key{Secret: secret, Token: "TOKEN", Expires: now}, true })
	expect(t, "expired", err, ExpiredToken, "is expired")
}

// Paths are encoded twice and normalised; queries are sorted.
func TestCanonicalForms(t *testing.T) {
	for in, want := range map[string]string{
		"": "/", "/": "/", "/a%20b/c": "/a%2520b/c", "/a//b/./c/../d": "/a/b/d", "/a/": "/a/", "/endpoints/x~y/invocations": "/endpoints/x~y/invocations",
	} {
		if got := string(appendPath(nil, in)); got != want {
			t.Errorf("path %q: %q, want %q", in, got, want)
		}
	}
	if got := string(appendQuery(nil, "b=2&a=%2f&X-Amz-Signature=x&c")); got != "a=%2F&b=2&c=" {
		t.Errorf("query: %q", got)
	}
}

// No header causes a panic, and none is accepted without the secret.
func FuzzVerify(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=a/20261123/us-east-1/s/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "20261123T190000Z", "/a/../b", "x=%zz")
	f.Add("AWS4-HMAC-SHA256 ,,,=", "", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=9")
	f.Fuzz(func(t *testing.T, auth, date, path, query string) {
		r := Request{Method: "POST", Path: path, Query: query, Host: "h", Header: fields(map[string]string{"authorization": auth, "x-amz-date": date})}
		if _, err := verify(now, &r, "", lookup("")); err == nil {
			t.Errorf("accepted: %q %q %q %q", auth, date, path, query)
		}
	})
}
