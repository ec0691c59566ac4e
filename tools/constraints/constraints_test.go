package main

import (
	"bytes"
	"os"
	"testing"
)

// The table that ships is the one that this program writes.
func TestTheShippedTableIsUpToDate(t *testing.T) {
	shipped, err := os.ReadFile("../../internal/awsapi/wire/constraints.json")
	if err != nil {
		t.Fatal(err)
	}
	again, err := generate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(shipped, again) {
		t.Errorf("generated again, constraints.json differs: %d bytes, %d in the repository (run go generate ./internal/awsapi/wire)", len(again), len(shipped))
	}
}
