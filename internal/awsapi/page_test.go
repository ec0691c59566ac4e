package awsapi

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Items that exist during the whole listing are listed once, in order, even if others are added and removed between pages.
func TestPagesNeitherRepeatNorLose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-e]{1,3}`)
		items := rapid.SliceOfNDistinct(name, 0, 20, rapid.ID).Draw(t, "items")
		descending := rapid.Bool().Draw(t, "descending")
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		lasting := slices.Clone(items)
		var got []string
		token := ""
		for range 100 {
			page, next, err := Page(slices.Clone(items), func(s string) string { return s }, descending, token, "b", limit)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page...)
			if token = next; next == "" {
				break
			}
			switch extra := name.Draw(t, "extra"); {
			case rapid.Bool().Draw(t, "comes") && !slices.Contains(items, extra):
				items = append(items, extra)
			case len(items) > 0:
				gone := rapid.SampledFrom(items).Draw(t, "gone")
				items = slices.DeleteFunc(items, func(s string) bool { return s == gone })
				lasting = slices.DeleteFunc(lasting, func(s string) bool { return s == gone })
			}
		}
		for _, s := range lasting {
			if n := count(got, s); n != 1 {
				t.Fatalf("%s is listed %d times in %v", s, n, got)
			}
		}
		sorted := slices.Clone(got)
		slices.Sort(sorted)
		if descending {
			slices.Reverse(sorted)
		}
		if !slices.Equal(got, sorted) {
			t.Fatalf("not in order: %v", got)
		}
	})
}

func count(all []string, s string) int {
	n := 0
	for _, x := range all {
		if x == s {
			n++
		}
	}
	return n
}

func TestTokensBelongToTheirRequest(t *testing.T) {
	items := []int{3, 1, 2}
	key := func(i int) string { return fmt.Sprint(i) }
	_, token, err := Page(items, key, false, "", "one", 2)
	if err != nil || token == "" {
		t.Fatal(token, err)
	}
	for _, c := range []struct{ token, bind string }{{token, "other"}, {"nonsense!", "one"}, {"AAAA", "one"}} {
		var bad *ErrToken
		if _, _, err := Page(items, key, false, c.token, c.bind, 2); !errors.As(err, &bad) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add(Seal("x", "b"))
	f.Fuzz(func(t *testing.T, token string) {
		if position, err := Open(token, "b"); err == nil && token != "" && Seal(position, "b") != token {
			t.Skip() // base64 has several spellings of one text
		}
	})
}
