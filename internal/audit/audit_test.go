package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string, most int64) *Log {
	t.Helper()
	l, err := Open(Options{Dir: dir, BytesMax: most, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func record(n int, account string) Record {
	return Record{
		EventID: fmt.Sprint(n), EventTime: noon.Add(time.Duration(n) * time.Minute), EventSource: "sagemaker.amazonaws.com", EventName: "CreateEndpoint", Recipient: account,
		UserIdentity: UserIdentity{Type: "IAMUser", UserName: "ann", AccessKeyID: "AKIAANN"},
	}
}

func ids(all []Record) string {
	var out []string
	for _, r := range all {
		out = append(out, r.EventID)
	}
	return strings.Join(out, " ")
}

func query(t *testing.T, l *Log, q Query) Page {
	t.Helper()
	if q.Account == "" {
		q.Account = "1"
	}
	if q.Limit == 0 {
		q.Limit = 100
	}
	p, err := l.Query(q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Records are there at once, newest first, page by page, after a restart too; records of another account are not.
func TestQuery(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 1<<20)
	if p := query(t, l, Query{}); len(p.Records) != 0 || p.Newest != "0-0" || p.Next != "" {
		t.Errorf("an empty log: %+v", p)
	}
	for n := range 5 {
		l.Add(record(n, "1"), false)
		l.Add(record(10+n, "2"), false)
	}
	if got := ids(query(t, l, Query{}).Records); got != "4 3 2 1 0" {
		t.Error(got)
	}
	l.close()
	l = open(t, dir, 1<<20)
	l.Add(record(5, "1"), false) // in a second file
	var pages []string
	for token := ""; ; {
		p := query(t, l, Query{Limit: 2, Token: token})
		pages = append(pages, ids(p.Records))
		if token = p.Next; token == "" {
			break
		}
	}
	if want := []string{"5 4", "3 2", "1 0"}; !slices.Equal(pages, want) {
		t.Errorf("pages %v, want %v", pages, want)
	}
	for _, bad := range []string{"x", "1", "1-", "-1-0", "01-0", "1-0x"} {
		if _, err := l.Query(Query{Account: "1", Limit: 1, Token: bad}); !errors.Is(err, ErrToken) {
			t.Errorf("token %q: %v", bad, err)
		}
	}
}

func TestFilters(t *testing.T) {
	l := open(t, t.TempDir(), 1<<20)
	for n := range 4 {
		r := record(n, "1")
		switch n {
		case 1:
			r.UserIdentity.UserName, r.UserIdentity.AccessKeyID = "ben", "AKIABEN"
		case 2:
			r.EventName, r.Request = "DeleteEndpoint", json.RawMessage(`{"endpointName":"Iris"}`)
		case 3:
			r.ErrorCode, r.EventSource = "AccessDeniedException", "monitoring.amazonaws.com"
		}
		l.Add(r, false)
	}
	for want, q := range map[string]Query{
		"1": {User: "ben"}, "3 2 0": {User: "AKIAANN"}, "2": {Operation: "DeleteEndpoint"}, "3": {Failed: true}, "2 1 0": {Source: "sagemaker"}, "": {Operation: "Delete"},
		"2 1": {From: noon.Add(time.Minute), To: noon.Add(3 * time.Minute)},
	} {
		if got := ids(query(t, l, q).Records); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
	if got := ids(query(t, l, Query{Text: "iRIS"}).Records); got != "2" {
		t.Error(got)
	}
}

// What is added after a page is found from its position, in order.
func TestAfter(t *testing.T) {
	l := open(t, t.TempDir(), 1<<20)
	l.Add(record(0, "1"), false)
	p := query(t, l, Query{})
	for n := range 3 {
		l.Add(record(n+1, "1"), false)
		l.Add(record(9, "2"), false)
	}
	p = query(t, l, Query{After: p.Newest, Limit: 2})
	if ids(p.Records) != "1 2" {
		t.Error(ids(p.Records))
	}
	if p = query(t, l, Query{After: p.Newest}); ids(p.Records) != "3" {
		t.Error(ids(p.Records))
	}
	if again := query(t, l, Query{After: p.Newest}); len(again.Records) != 0 || again.Newest != p.Newest {
		t.Errorf("%+v", again)
	}
}

// The log stays within its bytes; the newest records stay.
func TestBytesMax(t *testing.T) {
	dir := t.TempDir()
	const most = 1 << 20
	l := open(t, dir, most)
	for n := range 6000 { // some 2.4 MB
		l.Add(record(n, "1"), false)
		if n%100 == 0 {
			if err := l.flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	l.trim()
	var total int64
	files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if total += info.Size(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", f, info.Mode())
		}
	}
	if total > most || total < most/2 {
		t.Errorf("%d bytes in %d files, want at most %d", total, len(files), most)
	}
	if got := query(t, l, Query{Limit: 1}).Records[0].EventID; got != "5999" {
		t.Errorf("the newest is %s", got)
	}
}

// Refusals beyond a rate are counted in the next record; changes are kept.
func TestRefusalsAreLimited(t *testing.T) {
	l := open(t, t.TempDir(), 1<<20)
	for n := range 1000 {
		l.Add(record(n, "1"), true)
	}
	l.Add(record(1000, "1"), false)
	all := query(t, l, Query{Limit: 1000}).Records
	lost := 0
	for _, r := range all {
		if n, ok := r.Additional[Lost].(float64); ok {
			lost += int(n)
		}
	}
	if len(all) > 3*refusedPerSec+1 || len(all)+lost != 1001 || all[0].EventID != "1000" {
		t.Errorf("%d records, %d lost, the newest is %s", len(all), lost, all[0].EventID)
	}
}

// What cannot be written waits within bounds, and is written later. Adding never waits.
func TestAFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, dir, 64<<20)
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	big := record(0, "1")
	big.ErrorMessage = strings.Repeat("x", 30<<10)
	for n := range 400 {
		big.EventID = fmt.Sprint(n)
		l.Add(big, false)
	}
	if err := l.flush(); err == nil || len(l.pending) > pendingMax {
		t.Errorf("%v, %d bytes wait", err, len(l.pending))
	}
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	p := query(t, l, Query{Limit: 1000})
	kept := len(p.Records)
	l.Add(record(1000, "1"), false)
	newest := query(t, l, Query{Limit: 1}).Records[0]
	if n, _ := newest.Additional[Lost].(float64); kept < 200 || kept+int(n) != 400 {
		t.Errorf("%d are kept and %v lost of 400", kept, n)
	}
}

// A line that a crash cut, or that is damaged, hides no other.
func TestDamagedLines(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 1<<20)
	for n := range 3 {
		l.Add(record(n, "1"), false)
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(l.path(1))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	lines[1] = strings.Replace(lines[1], "{", "[", 1)
	if err := os.WriteFile(l.path(1), []byte(lines[0]+lines[1]+lines[2]+lines[0][:20]), 0o600); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, 1<<20)
	l.Add(record(3, "1"), false)
	if got := ids(query(t, l, Query{}).Records); got != "3 2 0" {
		t.Error(got)
	}
}

// Run writes what is added, and at its end what waits.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { l.Run(ctx); close(ended) }()
	l.Add(record(0, "1"), false)
	for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		if text, err := os.ReadFile(l.path(1)); err == nil && len(text) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("not written within ten seconds")
		}
	}
	l.Add(record(1, "1"), false)
	cancel()
	<-ended
	if got := ids(query(t, open(t, dir, 1<<20), Query{}).Records); got != "1 0" {
		t.Error(got)
	}
}
