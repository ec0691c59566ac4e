package awsapi

import (
	"errors"
	"strings"
	"testing"
)

func TestOwnTagsAreChecked(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"team", "yes", ""},
		{"bellow", "", ""},
		{"bellows:dry-run", "true", ""},
		{"bellows:dry-run", "false", ""},
		{"bellows:dry-run", "yes", `The value of the tag bellows:dry-run is "yes": it must be "true" or "false".`},
		{"bellows:wake-on-request", "True", `must be "true" or "false"`},
		{"bellows:wake", "true", `The tag key "bellows:wake" is not known.`},
		{"bellows:max-concurrency", "8", ""},
		{"bellows:max-concurrency:blue", "8", ""},
		{"bellows:max-concurrency", "0", "a number from 1 to 100000"},
		{"bellows:max-concurrency:blue", "many", "a number from 1 to 100000"},
		{"bellows:max-concurrency-blue", "8", "not known"},
	} {
		err := CheckOwnTag(c.key, c.value)
		var e *Error
		if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &e) || e.Code != "ValidationException" || !strings.Contains(e.Message, c.want)) {
			t.Errorf("%s=%s: %v, want %q", c.key, c.value, err, c.want)
		}
	}
}
