package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// A part of the signature that is sent twice is ambiguous and refused, even if both values are equal.
func TestDuplicateSignaturePartsInHeaders(t *testing.T) {
	token := "TOKEN"
	for _, c := range []struct {
		name  string
		token string
		sent  func(r *Request)
		want  string // "": accepted
	}{
		{name: "as it was signed"},
		{"the same Authorization twice", "", twice("Authorization", nil), "more than one 'authorization' header"},
		{"another Authorization second", "", twice("Authorization", func(string) string { return "Bearer x" }), "more than one 'authorization' header"},
		{"an empty Authorization second", "", twice("Authorization", func(string) string { return "" }), "more than one 'authorization' header"},
		{"the same X-Amz-Date twice", "", twice("X-Amz-Date", nil), "more than one 'x-amz-date' header"},
		{"two Dates", "", func(r *Request) { r.Header = append(r.Header, Field{"Date", "x"}, Field{"Date", "x"}) }, "more than one 'date' header"},
		{"the same token twice", token, twice("X-Amz-Security-Token", nil), "more than one 'x-amz-security-token' header"},
		{"two signatures in one header", "", twiceInside("Signature=00"), "more than one 'Signature' parameter"},
		{"two credentials in one header", "", twiceInside("Credential=x"), "more than one 'Credential' parameter"},
		{"two lists of signed headers", "", twiceInside("SignedHeaders=host"), "more than one 'SignedHeaders' parameter"},
		{"a signature in the query too", "", func(r *Request) { r.Query = "X-Amz-Signature=00" }, "both an Authorization header and an 'X-Amz-Signature'"},
	} {
		r := signedBySDK(t, "/", http.Header{})
		if c.token != "" {
			r = signedWithToken(t, c.token)
		}
		if c.sent != nil {
			c.sent(r)
		}
		_, err := verify(now, r, "", lookup(c.token))
		if c.want == "" && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.want != "" {
			expect(t, c.name, err, Incomplete, c.want)
		}
	}
}

// twice adds a second copy of a header, modified if change is set.
func twice(name string, change func(string) string) func(*Request) {
	return func(r *Request) {
		for _, f := range r.Header {
			if strings.EqualFold(f.Name, name) {
				if change != nil {
					f.Value = change(f.Value)
				}
				r.Header = append(r.Header, f)
				return
			}
		}
	}
}

// twiceInside appends a parameter to the Authorization header.
func twiceInside(parameter string) func(*Request) {
	return func(r *Request) {
		for i := range r.Header {
			if r.Header[i].Name == "Authorization" {
				r.Header[i].Value += ", " + parameter
			}
		}
	}
}

func signedWithToken(t *testing.T, token string) *Request {
	t.Helper()
	h, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://h/", nil)
	if err != nil {
		t.Fatal(err)
	}
	none := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret, SessionToken: token}, h,
		hex.EncodeToString(none[:]), "sagemaker", "us-east-1", now); err != nil {
		t.Fatal(err)
	}
	r := &Request{Method: h.Method, Path: "/", Host: "h"}
	for name, values := range h.Header {
		r.Header = append(r.Header, Field{name, values[0]})
	}
	return r
}

// A presigned URL has each parameter of its signature once.
func TestDuplicateSignaturePartsInQueries(t *testing.T) {
	for name, encoded := range map[string]string{
		"": "", "X-Amz-Signature": "X-Amz-Signature", "X-Amz-Signature, its name encoded": "X-Amz%2DSignature", "X-Amz-Algorithm": "X-Amz-Algorithm",
		"X-Amz-Credential": "X-Amz-Credential", "X-Amz-SignedHeaders": "X-Amz-SignedHeaders", "X-Amz-Date": "X-Amz-Date",
		"X-Amz-Expires": "X-Amz-Expires", "X-Amz-Security-Token": "X-Amz-Security-Token",
	} {
		h, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://h/?Action=GetCallerIdentity&X-Amz-Expires=60", nil)
		if err != nil {
			t.Fatal(err)
		}
		none := sha256.Sum256(nil)
		signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret, SessionToken: "TOKEN"}, h,
			hex.EncodeToString(none[:]), "sts", "us-east-1", now)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(signed)
		if err != nil {
			t.Fatal(err)
		}
		r := &Request{Method: h.Method, Path: "/", Query: u.RawQuery, Host: "h"}
		if name == "" {
			if _, err := verify(now, r, "", lookup("TOKEN")); err != nil {
				t.Errorf("unmodified: %v", err)
			}
			continue
		}
		parameter, _, _ := strings.Cut(name, ",")
		for _, value := range []string{u.Query().Get(parameter), "", "x"} {
			r.Query = u.RawQuery + "&" + encoded + "=" + url.QueryEscape(value)
			_, err := verify(now, r, "", lookup("TOKEN"))
			expect(t, name+"="+value, err, Incomplete, "must include '"+parameter+"' only once")
		}
	}
}
