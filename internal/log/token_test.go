package log

import "testing"

func FuzzTokens(f *testing.F) {
	f.Add(SealToken(5, 6))
	f.Add("h1")
	f.Fuzz(func(t *testing.T, token string) {
		if at, id, err := OpenToken(token); err == nil && SealToken(at, id) != token {
			t.Errorf("%q reads as %d, %d", token, at, id)
		}
	})
}
