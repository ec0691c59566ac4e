package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"

	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/client"
)

// printed is an output that a test reads while a command writes it.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *printed) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *printed) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// bellows audit prints what was changed and refused, of a user or an operation, as JSON, and as it happens.
func TestAudit(t *testing.T) {
	s := serve(t, t.TempDir())
	var reader client.Key
	if err := s.keys(&reader, "create", "--user", "ann", "--read-only"); err != nil {
		t.Fatal(err)
	}
	c, err := client.Open(t.Context(), client.Options{Dir: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	c.As(reader)
	if err := c.RevokeKey(t.Context(), reader.AccessKeyID); err == nil || !strings.Contains(err.Error(), "not authorized to perform: bellows:DeleteAccessKey") {
		t.Error(err)
	}
	run := func(args ...string) string {
		text, err := bellows(t.Context(), append([]string{"audit", "--data-dir", s.dir}, args...)...)
		if err != nil {
			t.Error(args, err)
		}
		return text
	}
	text := run("--since", "1h")
	rows := strings.Split(strings.TrimSpace(text), "\n")
	if len(rows) != 3 || !strings.Contains(rows[1], "bellows CreateAccessKey") || !strings.HasSuffix(strings.TrimSpace(rows[1]), "ok") || !strings.Contains(rows[2], "ann") ||
		!strings.Contains(rows[2], "AccessDeniedException: User: arn:aws:iam::") {
		t.Errorf("%s", text)
	}
	for args, want := range map[string]int{"--user ann": 1, "--user admin --json": 1, "--operation DeleteAccessKey --json": 1, "--failed --json": 1, "--limit 1 --json": 1, "--source sagemaker --json": 0} {
		got := strings.Count(run(strings.Fields(args)...), "\n")
		if !strings.Contains(args, "--json") {
			got-- // the header
		}
		if got != want {
			t.Errorf("%s: %d records, want %d", args, got, want)
		}
	}
	var r audit.Record
	if err := json.Unmarshal([]byte(run("--json", "--operation", "CreateAccessKey")), &r); err != nil || r.UserIdentity.UserName != "admin" {
		t.Errorf("%+v, %v", r, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out printed
	ended := make(chan error, 1)
	go func() {
		root := root(withExample)
		root.SetArgs([]string{"audit", "--data-dir", s.dir, "--follow", "--json", "--limit", "1"})
		root.SetOut(&out)
		root.SetErr(io.Discard)
		ended <- root.ExecuteContext(ctx)
	}()
	until(t, "the newest record is printed", func() bool { return strings.Contains(out.String(), "DeleteAccessKey") })
	if err := s.keys(nil, "expire", reader.AccessKeyID); err != nil {
		t.Fatal(err)
	}
	until(t, "a new record is printed", func() bool { return strings.Contains(out.String(), "UpdateAccessKey") })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := bellows(t.Context(), "audit", "--data-dir", s.dir, "--since", "soon"); exitCode(err) != 2 {
		t.Errorf("a wrong --since: %v", err)
	}
}
