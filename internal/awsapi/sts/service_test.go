package sts_test

import (
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sts"
)

// created is when the role of the tests was.
var created = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// call sends an unsigned Query request to both services and returns status and body.
func call(t *testing.T, form url.Values) (int, string) {
	t.Helper()
	server := &awsapi.Server{
		Auth:     &awsapi.Authenticator{Now: time.Now, Account: "123456789012", Region: "us-east-1"},
		Services: []*awsapi.Service{sts.New(), sts.NewIAM(created)}, NewID: func() string { return "r" }, Log: slog.New(slog.DiscardHandler),
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func form(version, action string, more ...string) url.Values {
	v := url.Values{"Version": {version}, "Action": {action}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

const (
	stsVersion = "2011-06-15"
	iamVersion = "2010-05-08"
)

// AWS: STS API reference, GetCallerIdentity: an assumed role's ARN and unique ID carry the name of its session.
func TestGetCallerIdentity(t *testing.T) {
	for key, session := range map[string]string{"": "anonymous", "AKIAEXAMPLE": "AKIAEXAMPLE"} {
		caller := awsapi.Call{Scope: engine.Scope{Account: "123456789012", Region: "eu-west-1"}, Caller: awsapi.Caller{AccessKeyID: key}}
		got, err := sts.GetCallerIdentity(t.Context(), caller, &sts.GetCallerIdentityInput{})
		if err != nil {
			t.Fatal(err)
		}
		if want := "arn:aws:sts::123456789012:assumed-role/BellowsExecutionRole/" + session; *got.Arn != want || *got.Account != "123456789012" {
			t.Errorf("%q: %s, %s; want %s", key, *got.Arn, *got.Account, want)
		}
		if id, name, _ := strings.Cut(*got.UserId, ":"); name != session || len(id) != 21 || !strings.HasPrefix(id, "AROA") {
			t.Errorf("%q: the unique ID %s", key, *got.UserId)
		}
	}
	status, body := call(t, form(stsVersion, "GetCallerIdentity"))
	var answer struct {
		XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
		Result  struct {
			Arn     string
			UserID  string `xml:"UserId"`
			Account string
		} `xml:"GetCallerIdentityResult"`
		RequestID string `xml:"ResponseMetadata>RequestId"`
	}
	if err := xml.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	if r := answer.Result; r.Account != "123456789012" || r.Arn == "" || r.UserID == "" || answer.RequestID != "r" {
		t.Errorf("%+v", answer)
	}
}

// AWS: IAM API reference, GetRole. The SageMaker Python SDK looks its execution role up by name, and Application Auto Scaling's clients
// their service-linked roles.
func TestGetRole(t *testing.T) {
	type role struct {
		Path                     string
		RoleName                 string
		RoleID                   string `xml:"RoleId"`
		Arn                      string
		CreateDate               time.Time
		AssumeRolePolicyDocument string
		MaxSessionDuration       int
	}
	for _, name := range []string{sts.RoleName, "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"} {
		status, body := call(t, form(iamVersion, "GetRole", "RoleName", name))
		var answer struct {
			XMLName xml.Name `xml:"https://iam.amazonaws.com/doc/2010-05-08/ GetRoleResponse"`
			Role    role     `xml:"GetRoleResult>Role"`
		}
		if err := xml.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
			t.Fatalf("%s: %d %s: %v", name, status, body, err)
		}
		got := answer.Role
		document, err := url.QueryUnescape(got.AssumeRolePolicyDocument)
		if err != nil || !strings.Contains(document, `"Action":"sts:AssumeRole"`) || !strings.Contains(document, `"Service":"sagemaker.amazonaws.com"`) {
			t.Errorf("%s: the trust policy %s: %v", name, document, err)
		}
		got.AssumeRolePolicyDocument = ""
		want := role{"/", name, "AROABELLOWSEXECUTION1", "arn:aws:iam::123456789012:role/" + name, created, "", 3600}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		form   url.Values
		status int
		want   string
	}{
		"an unknown role":                  {form(iamVersion, "GetRole", "RoleName", "Admin"), 404, "<Code>NoSuchEntity</Code><Message>The role with name Admin cannot be found.</Message>"},
		"a name that differs in case":      {form(iamVersion, "GetRole", "RoleName", "bellowsexecutionrole"), 404, "NoSuchEntity"},
		"a role that IAM does not serve":   {form(iamVersion, "CreateRole", "RoleName", "x"), 400, "CreateRole"},
		"an operation that STS lacks":      {form(stsVersion, "AssumeRole"), 400, "AssumeRole"},
		"an operation of the other":        {form(stsVersion, "GetRole"), 400, "GetRole"},
		"a version that there is not":      {form("2001-01-01", "GetCallerIdentity"), 400, ""},
		"an operation without its version": {url.Values{"Action": {"GetRole"}}, 400, ""},
	} {
		status, body := call(t, c.form)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s; want %d %s", name, status, body, c.status, c.want)
		}
	}
}
