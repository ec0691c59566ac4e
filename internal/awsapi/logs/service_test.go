package logs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/logs"
	"bellows.dev/bellows/internal/fleet"
)

// source is logs in memory: each line is of one byte more than its text.
type source map[hosting.CopyID][]fleet.Line

func (s source) Logs(account, region string) (out []fleet.Log, _ error) {
	if account != "123456789012" || region != "eu-west-1" {
		return nil, nil
	}
	for id, lines := range s {
		endpoint := "chat"
		if strings.HasPrefix(string(id), "other") {
			endpoint = "other"
		}
		l := fleet.Log{Copy: id, LogOwner: fleet.LogOwner{Endpoint: endpoint, Variant: "v", Created: time.UnixMilli(500)}}
		if n := len(lines); n > 0 {
			l.First, l.Last, l.Bytes = lines[0].Time, lines[n-1].Time, lines[n-1].Next
		}
		out = append(out, l)
	}
	return out, nil
}

func (s source) ReadLog(_ context.Context, id hosting.CopyID, r fleet.LogRange) iter.Seq2[fleet.Line, error] {
	return func(yield func(fleet.Line, error) bool) {
		for _, l := range s[id] {
			if l.At < r.From || l.Time.Before(r.Since) || !r.Until.IsZero() && !l.Time.Before(r.Until) {
				continue
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// add writes lines at a time in milliseconds.
func (s source) add(id hosting.CopyID, ms int64, texts ...string) {
	for _, text := range texts {
		at := int64(0)
		if n := len(s[id]); n > 0 {
			at = s[id][n-1].Next
		}
		s[id] = append(s[id], fleet.Line{At: at, Next: at + int64(len(text)) + 1, Time: time.UnixMilli(ms), Text: []byte(text)})
	}
}

// answer has what all the outputs have.
type answer struct {
	code int

	Type, Message string
	LogGroups     []struct {
		LogGroupName, Arn, LogGroupArn string
		StoredBytes, CreationTime      int64
	}
	LogStreams []struct {
		LogStreamName, Arn                      string
		LastEventTimestamp, FirstEventTimestamp int64
	}
	Events []struct {
		Message, LogStreamName, EventID string
		Timestamp, IngestionTime        int64
	}
	NextToken         string
	NextForwardToken  string
	NextBackwardToken string
}

func (a answer) messages() string {
	var out []string
	for _, e := range a.Events {
		out = append(out, e.Message)
	}
	return strings.Join(out, " ")
}

type client struct {
	t   *testing.T
	api *awsapi.Server
}

func newClient(t *testing.T, s source) client {
	service := logs.New(s, func() time.Time { return time.UnixMilli(1_000_000) })
	return client{t, &awsapi.Server{NewID: func() string { return "id" }, Services: []*awsapi.Service{service}, Log: slog.New(slog.DiscardHandler)}}
}

// call calls an operation with members of its input, NAME, VALUE, …
func (c client) call(operation string, members ...any) (a answer) {
	c.t.Helper()
	in := map[string]any{}
	for i := 0; i < len(members); i += 2 {
		in[members[i].(string)] = members[i+1]
	}
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
	r.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	w := httptest.NewRecorder()
	c.api.ServeAs(w, r, engine.Scope{Account: "123456789012", Region: "eu-west-1"}, awsapi.Caller{ReadOnly: true})
	text := strings.ReplaceAll(w.Body.String(), `"__type"`, `"Type"`)
	if regexp.MustCompile(`"[A-Z]\w+":`).MatchString(strings.ReplaceAll(text, `"Type"`, "")) {
		c.t.Errorf("%s: a member begins with a capital: %s", operation, text)
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		c.t.Fatalf("%s: %v: %s", operation, err, text)
	}
	a.code = w.Code
	return a
}

// refused expects an error of a code.
func (c client) refused(code, message, operation string, members ...any) {
	c.t.Helper()
	if a := c.call(operation, members...); a.code != 400 || a.Type != code || !strings.Contains(a.Message, message) {
		c.t.Errorf("%s %v: %d %s: %s; want %s: %s", operation, members, a.code, a.Type, a.Message, code, message)
	}
}

const group = "/aws/sagemaker/Endpoints/chat"

func TestGroupsAndStreams(t *testing.T) {
	s := source{"i-3": nil}
	s.add("i-1", 3000, "late")
	s.add("i-2", 1000, "early")
	s.add("other", 1000, "else")
	c := newClient(t, s)
	all := c.call("DescribeLogGroups")
	if len(all.LogGroups) != 2 || all.LogGroups[0].LogGroupName != group || all.LogGroups[0].Arn != "arn:aws:logs:eu-west-1:123456789012:log-group:"+group+":*" ||
		all.LogGroups[0].LogGroupArn+":*" != all.LogGroups[0].Arn || all.LogGroups[0].StoredBytes != 11 || all.LogGroups[0].CreationTime != 500 {
		t.Errorf("%+v", all)
	}
	for _, members := range [][]any{{"logGroupNamePrefix", group}, {"logGroupNamePattern", "CHAT"}, {"logGroupIdentifiers", []string{all.LogGroups[0].LogGroupArn}}, {"limit", 1}} {
		if a := c.call("DescribeLogGroups", members...); len(a.LogGroups) != 1 || a.LogGroups[0].LogGroupName != group || (a.NextToken != "") != (members[0] == "limit") {
			t.Errorf("%v: %+v", members, a)
		}
	}
	for want, members := range map[string][]any{
		"v/i-1 v/i-2 v/i-3": {"logGroupName", group},
		"v/i-3 v/i-2 v/i-1": {"logGroupIdentifier", all.LogGroups[0].LogGroupArn, "descending", true},
		"v/i-1 v/i-2":       {"logGroupName", group, "orderBy", "LastEventTime", "descending", true, "limit", 2},
		"v/i-2":             {"logGroupName", group, "logStreamNamePrefix", "v/i-2"},
		"":                  {"logGroupName", group, "logStreamNamePrefix", "w"},
	} {
		var got []string
		a := c.call("DescribeLogStreams", members...)
		for _, s := range a.LogStreams {
			got = append(got, s.LogStreamName)
		}
		if strings.Join(got, " ") != want || (a.NextToken != "") != slices.Contains(members, any("limit")) {
			t.Errorf("%v: %v, want %s", members, got, want)
		}
	}
	if s := c.call("DescribeLogStreams", "logGroupName", group).LogStreams; s[0].Arn != "arn:aws:logs:eu-west-1:123456789012:log-group:"+group+":log-stream:v/i-1" ||
		s[0].LastEventTimestamp != 3000 || s[2].LastEventTimestamp != 0 {
		t.Errorf("%+v", s)
	}
}

// Every page is read once, forwards and backwards, and the token of the end stays the same.
func TestPagesOfAStream(t *testing.T) {
	s := source{}
	for n := range 5 {
		s.add("i-1", int64(1000*(n+1)), fmt.Sprint(n))
	}
	c := newClient(t, s)
	get := func(members ...any) answer {
		t.Helper()
		return c.call("GetLogEvents", append([]any{"logGroupName", group, "logStreamName", "v/i-1"}, members...)...)
	}
	if got := get(); got.messages() != "0 1 2 3 4" || got.Events[0].Timestamp != 1000 || got.Events[0].IngestionTime != 1000 {
		t.Errorf("%+v", got)
	}
	page := get("startFromHead", true, "limit", 2)
	for _, want := range []string{"0 1", "2 3", "4", "", ""} {
		if page.messages() != want {
			t.Errorf("forwards: %q, want %q", page.messages(), want)
		}
		next := get("startFromHead", true, "limit", 2, "nextToken", page.NextForwardToken)
		if want == "" && next.NextForwardToken != page.NextForwardToken {
			t.Errorf("at the end the token becomes %s, was %s", next.NextForwardToken, page.NextForwardToken)
		}
		page = next
	}
	s.add("i-1", 9000, "new")
	if got := get("nextToken", page.NextForwardToken); got.messages() != "new" {
		t.Errorf("after the end: %q", got.messages())
	}
	page = get("limit", 4)
	for _, want := range []string{"2 3 4 new", "0 1", ""} {
		if page.messages() != want {
			t.Errorf("backwards: %q, want %q", page.messages(), want)
		}
		next := get("limit", 4, "nextToken", page.NextBackwardToken)
		if want == "" && next.NextBackwardToken != page.NextBackwardToken {
			t.Error("the token of the beginning changes")
		}
		page = next
	}
	if got := get("startTime", 2000, "endTime", 4000).messages(); got != "1 2" {
		t.Errorf("a range: %q", got)
	}
	s.add("i-2", 1000, strings.Repeat("a", 600_000), strings.Repeat("b", 600_000), "\xffc")
	big := c.call("GetLogEvents", "logGroupName", group, "logStreamName", "v/i-2")
	if len(big.Events) != 2 || big.Events[1].Message != "\uFFFDc" {
		t.Errorf("%d events of the last megabyte", len(big.Events))
	}
}

// Events of all streams come in the order of their times, each on one page.
func TestFilteredEvents(t *testing.T) {
	s := source{}
	s.add("i-1", 1000, "a ERROR", "b")
	s.add("i-2", 1000, "c")
	s.add("i-2", 2000, "d ERROR")
	s.add("i-1", 3000, "e")
	s.add("i-1", 2_000_000, "not known yet")
	c := newClient(t, s)
	filter := func(members ...any) answer {
		t.Helper()
		return c.call("FilterLogEvents", append([]any{"logGroupName", group}, members...)...)
	}
	for want, members := range map[string][]any{
		"a ERROR b c d ERROR e": {"interleaved", true},
		"a ERROR d ERROR":       {"filterPattern", "ERROR"},
		"c d ERROR":             {"logStreamNames", []string{"v/i-2"}},
		"a ERROR b e":           {"logStreamNamePrefix", "v/i-1"},
		"d ERROR e":             {"startTime", 2000},
		"d ERROR":               {"startTime", 1001, "endTime", 2000},
		"":                      {"startTime", 900_000_000_000},
	} {
		if got := filter(members...); got.messages() != want || got.NextToken != "" {
			t.Errorf("%v: %q, want %q", members, got.messages(), want)
		}
	}
	var pages []string
	ids := map[string]bool{}
	for token := ""; len(pages) < 10; {
		members := []any{"limit", 2}
		if token != "" {
			members = append(members, "nextToken", token)
		}
		page := filter(members...)
		pages = append(pages, page.messages())
		for _, e := range page.Events {
			ids[e.EventID] = true
		}
		if token = page.NextToken; token == "" {
			break
		}
	}
	if got := strings.Join(pages, "|"); got != "a ERROR b|c d ERROR|e" || len(ids) != 5 {
		t.Errorf("pages %s, %d identities", got, len(ids))
	}
}

func TestPatterns(t *testing.T) {
	const line = "[ERROR 401] UNAUTHORIZED REQUEST"
	for pattern, want := range map[string]bool{
		"": true, "ERROR": true, "error": false, "ERROR REQUEST": true, "ERROR WARN": false, "?WARN ?ERROR": true, "?WARN ?INFO": false,
		"ERROR -WARN": true, "ERROR -401": false, "-ERROR": false, `"401] UNAUTH"`: true, `"401] AUTH"`: false, `?"x y" ?401`: true, `"a \" b"`: false,
		"?WARN REQUEST": true, `-"[ERROR"`: false, "%4[0-9]{2}%": true, "%5[0-9]{2}%": false,
	} {
		s := source{}
		s.add("i-1", 1000, line)
		if got := newClient(t, s).call("FilterLogEvents", "logGroupName", group, "filterPattern", pattern); (len(got.Events) == 1) != want || got.code != 200 {
			t.Errorf("%s: %+v, want %t", pattern, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := source{}
	s.add("i-1", 1000, "one", "two")
	s.add("i-2", 1000, "one", "two")
	c := newClient(t, s)
	const bad, absent = "InvalidParameterException", "ResourceNotFoundException"
	stream := []any{"logGroupName", group, "logStreamName", "v/i-1"}
	for _, operation := range []string{"DescribeLogStreams", "FilterLogEvents", "GetLogEvents"} {
		named := []any{"logGroupName", "/none"}
		unnamed := []any{}
		if operation == "GetLogEvents" {
			named, unnamed = append(named, "logStreamName", "x"), []any{"logStreamName", "x"}
		}
		c.refused(absent, "The specified log group does not exist.", operation, named...)
		c.refused(bad, "must be specified", operation, unnamed...)
		c.refused(bad, "cannot both be specified", operation, append(named, "logGroupIdentifier", "x")...)
		c.refused(bad, "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint", operation, append(named, "limit", 0)...)
		c.refused(bad, "The specified nextToken is invalid.", operation, append(slices.Clone(stream[:map[string]int{"GetLogEvents": 4}[operation]+map[string]int{
			"DescribeLogStreams": 2, "FilterLogEvents": 2}[operation]]), "nextToken", "x")...)
	}
	c.refused(absent, "The specified log stream does not exist.", "GetLogEvents", "logGroupName", group, "logStreamName", "v/none")
	c.refused(absent, "The specified log stream does not exist.", "FilterLogEvents", "logGroupName", group, "logStreamNames", []string{"v/none"})
	c.refused(bad, "at 'logStreamName' failed to satisfy constraint: Member must not be null", "GetLogEvents", "logGroupName", group)
	c.refused(bad, "nextToken is invalid", "GetLogEvents", "logGroupName", group, "logStreamName", "v/i-2", "nextToken",
		c.call("GetLogEvents", stream...).NextForwardToken)
	c.refused(bad, "nextToken is invalid", "FilterLogEvents", "logGroupName", group, "filterPattern", "two", "nextToken",
		c.call("FilterLogEvents", "logGroupName", group, "limit", 1).NextToken)
	c.refused(bad, "cannot both be specified", "FilterLogEvents", "logGroupName", group, "logStreamNames", []string{"v/i-1"}, "logStreamNamePrefix", "v")
	c.refused(bad, "startTime", "FilterLogEvents", "logGroupName", group, "startTime", 2, "endTime", 1)
	c.refused(bad, "startTime", "GetLogEvents", append(stream, "startTime", 2, "endTime", 1)...)
	c.refused(bad, "Cannot order by LastEventTime with a logStreamNamePrefix.", "DescribeLogStreams", "logGroupName", group, "orderBy", "LastEventTime", "logStreamNamePrefix", "v")
	c.refused(bad, "mutually exclusive", "DescribeLogGroups", "logGroupNamePrefix", "a", "logGroupNamePattern", "a")
	c.refused(bad, "'includeLinkedAccounts'", "DescribeLogGroups", "includeLinkedAccounts", true)
	for pattern, why := range map[string]string{
		`{ $.x = 1 }`: "does not support", `[a, b]`: "does not support", `a/b`: "Invalid character(s) in term 'a/b'", `"a`: "not closed", "%(%": "regular expression",
	} {
		c.refused(bad, why, "FilterLogEvents", "logGroupName", group, "filterPattern", pattern)
	}
}
