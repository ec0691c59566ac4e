package console

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/timeline"
)

// description is what the tests read of openapi.yaml.
type description struct {
	Paths      map[string]map[string]any
	Components struct {
		Schemas map[string]struct{ Properties map[string]any }
	}
}

func described(t *testing.T) description {
	t.Helper()
	var d description
	if err := yaml.Unmarshal(openAPI, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Every path and method of the description is served, and no other method of these paths is.
func TestTheDescriptionHasThePathsOfTheAPI(t *testing.T) {
	f := newFixture(t, 0)
	cookie := f.signInAs(t, keyID, secret)
	paths := described(t).Paths
	if got, want := slices.Sorted(maps.Keys(paths)), []string{
		"/alarms", "/audit", "/aws", "/endpoint", "/events", "/explain", "/invoke", "/promql", "/rule", "/schedule", "/session", "/stream", "/timeline", "/tryout", "/variants",
	}; !slices.Equal(got, want) {
		t.Errorf("the description has the paths %v, want %v", got, want)
	}
	delete(paths, "/invoke") // the server hands it to the gateway
	for path, operations := range paths {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
			code := f.ask(method, strings.TrimPrefix(path, "/"), cookie, "").Code
			_, described := operations[strings.ToLower(method)]
			if served := code != http.StatusMethodNotAllowed; served != described || code == http.StatusNotFound {
				t.Errorf("%s %s answers %d; the description has it: %v", method, path, code, described)
			}
		}
	}
}

// The schemas have the members of the answers.
func TestTheDescriptionHasTheMembersOfAnswers(t *testing.T) {
	schemas := described(t).Components.Schemas
	for name, v := range map[string]any{
		"Session": sessionInfo{}, "VariantList": variantList{}, "Variant": variantRow{}, "Series": timeline.Series{}, "Timeline": timeline.Timeline{}, "Feed": timeline.Feed{}, "FeedEntry": timeline.FeedEntry{},
		"Message": message{}, "AuditPage": auditPage{}, "AuditRecord": audit.Record{},
		"AlarmList": alarmList{}, "Alarm": listedAlarm{}, "RulePart": rulePart{}, "TryoutRequest": tryoutRequest{}, "Tryout": tryout{},
		"ScheduleRuns": scheduleRuns{}, "Endpoint": endpointView{}, "Instance": endpointInstance{},
	} {
		var want []string
		for _, field := range reflect.VisibleFields(reflect.TypeOf(v)) {
			if tag, _, _ := strings.Cut(field.Tag.Get("json"), ","); tag != "" {
				want = append(want, tag)
			}
		}
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(schemas[name].Properties)); !slices.Equal(got, want) {
			t.Errorf("%s has the members %v in the description, and %v in answers", name, got, want)
		}
	}
}
