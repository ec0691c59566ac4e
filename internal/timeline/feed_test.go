package timeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/log"
)

// feedOf reads all pages of a query.
func (w *world) feedOf(s Sources, q FeedQuery) []FeedEntry {
	w.t.Helper()
	var all []FeedEntry
	seen := map[string]bool{}
	for pages := 0; ; pages++ {
		page, err := ReadFeed(w.t.Context(), s, q)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, x := range page.Events {
			if seen[x.ID] {
				w.t.Fatalf("%s is there twice", x.ID)
			}
			seen[x.ID] = true
		}
		all = append(all, page.Events...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return all
		}
		if pages > 10_000 {
			w.t.Fatal("the pages do not end")
		}
	}
}

func lines(all []FeedEntry) string {
	var out []string
	for _, x := range all {
		who := ""
		if x.Write != nil {
			who = x.Write.Operation + " by " + x.Write.User + ": "
		}
		out = append(out, fmt.Sprintf("%v %s %s%s %s/%s", x.At.Sub(started), x.Kind, who, x.Title, x.Endpoint, x.Variant))
	}
	return strings.Join(out, "\n")
}

// writes are audit records; records added after their effects, as the server does.
type writes []audit.Record

func (a writes) query(q audit.Query) (audit.Page, error) {
	if q.Token != "" && !strings.HasPrefix(q.Token, "t") {
		return audit.Page{}, audit.ErrToken
	}
	from := 0
	_, _ = fmt.Sscanf(q.Token, "t%d", &from)
	var page audit.Page
	for i := from; i < len(a); i++ {
		r := a[len(a)-1-i]
		if len(page.Records) == min(2, q.Limit) { // small pages
			page.Next = fmt.Sprintf("t%d", i)
			break
		}
		if r.EventTime.Before(q.To) && (q.User == "" || r.UserIdentity.UserName == q.User) && strings.Contains(string(r.Request), q.Text) && (!q.Failed || r.ErrorCode != "") {
			page.Records = append(page.Records, r)
		}
	}
	return page, nil
}

func written(at time.Time, operation, user, request string) audit.Record {
	return audit.Record{
		EventID: operation + at.String(), EventTime: at.Truncate(time.Millisecond), EventName: operation, AWSRegion: scope.Region,
		UserIdentity: audit.UserIdentity{UserName: user}, Request: []byte(request),
	}
}

// storyWorld is a world in which an alarm scales out, a user changes the capacity, and a request is refused.
func storyWorld(t *testing.T) (*world, Sources) {
	w := newWorld(t)
	trail := writes{written(started.Add(20*time.Millisecond), "CreateEndpoint", "ann", `{"endpointName":"iris"}`)}
	w.track()
	trail = append(trail, written(w.Now, "PutScalingPolicy", "ann", `{"policyName":"keep-60","resourceId":"endpoint/iris/variant/blue"}`))
	w.SetLoad(variant, 170)
	w.run(8 * time.Minute)
	desired := 5
	w.must(engine.UpdateEndpointWeightsAndCapacities{Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Changes: []hosting.Change{{Variant: "blue", Desired: &desired}}})
	trail = append(trail, written(w.Now, "UpdateEndpointWeightsAndCapacities", "ben", `{"endpointName":"iris"}`))
	w.run(time.Minute)
	refused := written(w.Now, "DeleteEndpoint", "eve", `{"endpointName":"iris"}`)
	refused.ErrorCode, refused.ErrorMessage = "AccessDeniedException", "not authorized"
	s := w.sources()
	s.Writes = append(trail, refused).query
	return w, s
}

// The feed has each change once, from the request or the alarm that caused it to its result, in the same order however long its pages are.
func TestTheFeedGroupsFromCauseToResult(t *testing.T) {
	w, s := storyWorld(t)
	all := w.feedOf(s, FeedQuery{Account: scope.Account, Limit: 50})
	t.Log("\n" + lines(all))
	for _, want := range []string{
		"11m0s refused DeleteEndpoint by eve: DeleteEndpoint iris/",
		"10m0s change UpdateEndpointWeightsAndCapacities by ben: Scaled out from 3 to 5 iris/blue",
		"5m10s change Scaled out from 1 to 3 iris/blue",
		"2m0s write PutScalingPolicy by ann: PutScalingPolicy iris/blue",
		"change CreateEndpoint by ann: Started with 1 iris/blue",
	} {
		if !strings.Contains(lines(all), want) {
			t.Errorf("there is no %q", want)
		}
	}
	if strings.Contains(lines(all), "Endpoint created") || strings.Contains(lines(all), "Endpoint Updating") {
		t.Error("a status that a change brought has an entry of its own")
	}
	if strings.Contains(lines(all), "AlarmHigh went into ALARM") {
		t.Error("the alarm that caused a change has an entry of its own")
	}
	for _, x := range all {
		if x.Title == "Scaled out from 1 to 3" {
			var kinds []string
			for _, e := range x.Events {
				kinds = append(kinds, e.Kind)
			}
			if got := strings.Join(kinds, " "); got != "alarm decision activity instance instance endpoint activity instance instance" || x.Result != "ready in 30 s" {
				t.Errorf("%s, %s", got, x.Result)
			}
		}
	}
	for limit := 1; limit < 4; limit++ {
		if got := lines(w.feedOf(s, FeedQuery{Account: scope.Account, Limit: limit})); got != lines(all) {
			t.Errorf("in pages of %d:\n%s", limit, got)
		}
	}
}

func TestFiltersOfTheFeed(t *testing.T) {
	w, s := storyWorld(t)
	all := w.feedOf(s, FeedQuery{Account: scope.Account, Limit: 50})
	for name, c := range map[string]struct {
		q    FeedQuery
		keep func(x *FeedEntry) bool
	}{
		"changes": {FeedQuery{Kinds: []string{"change"}}, func(x *FeedEntry) bool { return x.Kind == "change" }},
		"refused": {FeedQuery{Kinds: []string{"refused"}}, func(x *FeedEntry) bool { return x.Kind == "refused" }},
		"text":    {FeedQuery{Text: "FROM 3 to 5"}, func(x *FeedEntry) bool { return x.Title == "Scaled out from 3 to 5" }},
		"variant": {FeedQuery{Endpoint: "iris", Variant: "blue"}, func(x *FeedEntry) bool { return x.Endpoint == "iris" }},
		"held":    {FeedQuery{Kinds: []string{"held"}}, func(x *FeedEntry) bool { return x.Kind == "held" }},
		"another": {FeedQuery{Endpoint: "iris", Variant: "green", Kinds: []string{"change"}}, func(*FeedEntry) bool { return false }},
		"time": {FeedQuery{From: started.Add(3 * time.Minute), To: started.Add(6 * time.Minute), Kinds: []string{"change"}}, func(x *FeedEntry) bool {
			return x.Title == "Scaled out from 1 to 3"
		}},
		"region":  {FeedQuery{Region: "eu-west-1"}, func(*FeedEntry) bool { return false }},
		"account": {FeedQuery{Account: "999999999999", Kinds: []string{"alarm"}}, func(*FeedEntry) bool { return false }},
	} {
		var want []FeedEntry
		for _, x := range all {
			if c.keep(&x) {
				want = append(want, x)
			}
		}
		if c.q.Limit = 2; c.q.Account == "" {
			c.q.Account = scope.Account
		}
		if got := lines(w.feedOf(s, c.q)); got != lines(want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, lines(want))
		}
	}
	if got := lines(w.feedOf(s, FeedQuery{Account: scope.Account, User: "ben", Limit: 9})); got != "10m0s write UpdateEndpointWeightsAndCapacities by ben: UpdateEndpointWeightsAndCapacities iris/" {
		t.Error(got)
	}
}

func TestBadCursorsOfTheFeed(t *testing.T) {
	w, s := storyWorld(t)
	for _, cursor := range []string{"x", "!", "e30", "eyJ0IjoiMjAyNi0xMS0yNFQxMDowMDowMFoiLCJhIjoieCJ9"} {
		var bad *RangeError
		if _, err := ReadFeed(t.Context(), s, FeedQuery{Account: scope.Account, Limit: 1, Cursor: cursor}); !errors.As(err, &bad) {
			t.Errorf("%s: %v", cursor, err)
		}
	}
	if err := cursorError(log.ErrToken); !errors.Is(err, errCursor) {
		t.Error(err)
	}
	var bad *RangeError
	if _, err := ReadFeed(t.Context(), s, FeedQuery{Account: scope.Account, Limit: 1, From: w.Now.Add(time.Hour)}); !errors.As(err, &bad) {
		t.Error(err)
	}
}
