package server

import "testing"

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:4580": "127.0.0.1:4580", "[::]:4580": "127.0.0.1:4580", ":4580": "127.0.0.1:4580", "10.1.2.3:80": "10.1.2.3:80", "[::1]:1": "[::1]:1",
	} {
		if got, err := Reachable(listen); err != nil || got != want {
			t.Errorf("%s: %s, %v", listen, got, err)
		}
	}
}
