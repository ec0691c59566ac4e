package forecast

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The weighted median equals the result of a brute-force search: the smallest value at or below which half the weight is.
func TestWeightedMedian(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var votes []vote
		for range rapid.IntRange(1, 60).Draw(t, "votes") {
			votes = append(votes, vote{float64(rapid.IntRange(0, 9).Draw(t, "value")), float64(rapid.IntRange(1, 4).Draw(t, "weight"))})
		}
		total := 0.0
		for _, v := range votes {
			total += v.weight
		}
		want := math.Inf(1)
		for _, c := range votes {
			below := 0.0
			for _, v := range votes {
				if v.value <= c.value {
					below += v.weight
				}
			}
			if below >= total/2 {
				want = min(want, c.value)
			}
		}
		if got := weightedMedian(slices.Clone(votes)); got != want {
			t.Fatalf("%v: %g, want %g", votes, got, want)
		}
	})
	if !math.IsNaN(weightedMedian(nil)) {
		t.Error("an empty list has a median")
	}
}

// Means of intervals equal those of a brute-force sum of the known values.
func TestMeansMatchBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Just(math.NaN()), rapid.Map(rapid.IntRange(0, 50), func(n int) float64 { return float64(n) })),
			1, 40).Draw(t, "values")
		p := newPast(History{Values: values, Season: len(values)})
		now := rapid.IntRange(0, len(values)).Draw(t, "now")
		from := rapid.IntRange(-5, 45).Draw(t, "from")
		until := rapid.IntRange(-5, 45).Draw(t, "until")
		sum, n := 0.0, 0.0
		for i, v := range values {
			if i >= from && i < until && i < now && !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
		if got, want := p.mean(now, from, until), sum/n; got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("mean of %v from %d until %d at %d: %g, want %g", values, from, until, now, got, want)
		}
	})
}

// Members do not use values after the position at which they are evaluated.
func TestMembersUseNoFutureValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 100), 14*6, 14*6).Draw(t, "values")
		now := rapid.IntRange(6, len(values)-1).Draw(t, "now")
		cut := newPast(History{Values: values[:now], Season: 6}).ask(now, 12, 1)
		whole := newPast(History{Values: values, Season: 6}).ask(now, 12, 1)
		for m := range cut {
			for i := range cut[m] {
				if a, b := cut[m][i], whole[m][i]; a != b && !(math.IsNaN(a) && math.IsNaN(b)) {
					t.Fatalf("member %v, value %d: %g, but %g where the future is there", members[m], i, a, b)
				}
			}
		}
	})
}
