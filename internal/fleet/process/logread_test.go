package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// journal is a log that a test writes.
type journal struct {
	*Fleet
	t *testing.T
	k *keeper
}

func newJournal(t *testing.T) journal {
	o := options(t.TempDir())
	o.LogMax = 1000
	f := &Fleet{o: o.withDefaults(), keepers: map[hosting.CopyID]*keeper{}}
	f.settings.Store(&f.o.Settings)
	if err := os.MkdirAll(filepath.Join(o.Dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	k := &keeper{fleet: f, spec: hosting.CopySpec{ID: "i-1"}, instance: hosting.InstanceSpec{Account: "a", Region: "r", Endpoint: "e", Variant: "v"}}
	f.keepers["i-1"] = k
	j := journal{f, t, k}
	j.write("")
	if err := writeOwner(f.LogFile("i-1"), k.instance, k.spec, time.UnixMilli(1)); err != nil {
		t.Fatal(err)
	}
	return j
}

// write appends to the log, as a process does.
func (j journal) write(text string) {
	j.t.Helper()
	f, err := os.OpenFile(j.LogFile("i-1"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		j.t.Fatal(err)
	}
}

// wroteAt writes and notes a text at a second.
func (j journal) wroteAt(second int64, text string) {
	j.t.Helper()
	j.write(text)
	at := time.Unix(second, 0)
	if err := errors.Join(os.Chtimes(j.LogFile("i-1"), at, at), j.note("i-1", at, false)); err != nil {
		j.t.Fatal(err)
	}
}

// lines are the lines of a range, as POSITION@SECOND TEXT.
func (j journal) lines(r fleet.LogRange) (out []string) {
	j.t.Helper()
	for l, err := range j.ReadLog(j.t.Context(), "i-1", r) {
		if err != nil {
			j.t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d@%d %s", l.At, l.Time.Unix(), l.Text))
	}
	return out
}

func (j journal) wants(what string, r fleet.LogRange, want ...string) {
	j.t.Helper()
	if got := j.lines(r); !slices.Equal(got, want) {
		j.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// Lines have the time at which they arrived, whole.
func TestLinesHaveTimes(t *testing.T) {
	j := newJournal(t)
	j.wroteAt(10, "one\ntwo\r\n\nthr")
	j.wants("a last line that is not complete", fleet.LogRange{}, "0@10 one", "4@10 two")
	j.wroteAt(11, "ee\nfour\n")
	j.wants("all", fleet.LogRange{}, "0@10 one", "4@10 two", "10@11 three", "16@11 four")
	j.wants("since", fleet.LogRange{Since: time.Unix(11, 0)}, "10@11 three", "16@11 four")
	j.wants("until", fleet.LogRange{Until: time.Unix(11, 0)}, "0@10 one", "4@10 two")
	j.wants("from", fleet.LogRange{From: 16}, "16@11 four")
	j.wants("both", fleet.LogRange{From: 4, Until: time.Unix(11, 0)}, "4@10 two")
	j.wroteAt(5, "five\n") // the clock was set back
	j.wants("a clock that was set back", fleet.LogRange{From: 21}, "21@11 five")
}

// A last line without a line break counts once it is not written to any more, and what follows is a line of its own.
func TestPartialLinesCountInTime(t *testing.T) {
	j := newJournal(t)
	j.wroteAt(10, "loading")
	j.wants("at once", fleet.LogRange{})
	if err := j.note("i-1", time.Unix(12, 0), false); err != nil {
		t.Fatal(err)
	}
	j.wants("after two seconds", fleet.LogRange{}, "0@12 loading")
	j.wroteAt(13, " done\n")
	j.wants("its rest", fleet.LogRange{}, "0@12 loading", "7@13  done")
	j.wroteAt(14, "the end")
	if err := j.note("i-1", time.Unix(14, 0), true); err != nil {
		t.Fatal(err)
	}
	j.wants("last words", fleet.LogRange{From: 13}, "13@14 the end")
}

// A log is read on across rotations, also those that come while it is read, and what is dropped does not change positions.
func TestLogsAreReadAcrossRotations(t *testing.T) {
	j := newJournal(t)
	var all []string
	at := 0
	for n := range 30 {
		text := fmt.Sprintf("%03d %s\n", n, strings.Repeat("x", 95))
		j.wroteAt(int64(100+n), text)
		all = append(all, fmt.Sprintf("%d@%d %s", at, 100+n, text[:len(text)-1]))
		at += len(text)
		if n == 10 {
			j.k.boundLog()
			j.wants("after one rotation", fleet.LogRange{From: 200}, all[2:]...)
		}
	}
	n := 0
	for l, err := range j.ReadLog(t.Context(), "i-1", fleet.LogRange{From: 200}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 && l.At != 200 {
			t.Errorf("the first line is at %d", l.At)
		}
		if n == 2 {
			j.k.boundLog() // drops what is older than the last thousand bytes
		}
	}
	if n != 9+10 { // those of the older part, which was read already, and what is left of the newer one
		t.Errorf("%d lines", n)
	}
	if got := j.lines(fleet.LogRange{}); len(got) < 9 || !slices.Equal(got, all[len(all)-len(got):]) {
		t.Errorf("kept: %q", got)
	}
	reopened := journal{&Fleet{o: j.o, keepers: j.keepers}, t, j.k}
	if got := reopened.lines(fleet.LogRange{Since: time.Unix(129, 0)}); !slices.Equal(got, all[29:]) {
		t.Errorf("the next server reads %q", got)
	}
}

// A server that ends between the parts of a rotation leaves a log that the next one reads.
func TestHalfARotationIsHealed(t *testing.T) {
	j := newJournal(t)
	j.wroteAt(10, "one\ntwo\n")
	if _, _, err := copyFile(j.LogFile("i-1"), j.LogFile("i-1")+".1", 1000); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(j.LogFile("i-1"), 0); err != nil {
		t.Fatal(err)
	}
	next := journal{&Fleet{o: j.o, keepers: j.keepers}, t, j.k}
	next.wroteAt(20, "3\n")
	next.wants("after the crash", fleet.LogRange{}, "0@10 one", "4@10 two", "8@20 3")
}

// Lines of any length and encoding are read in bounded memory, in parts.
func TestLongLines(t *testing.T) {
	j := newJournal(t)
	long := strings.Repeat("\xff", 2*fleet.LineMax+10)
	j.wroteAt(10, long)
	j.wroteAt(11, "\nend\n")
	var lengths []int
	var text []byte
	for l, err := range j.ReadLog(t.Context(), "i-1", fleet.LogRange{}) {
		if err != nil {
			t.Fatal(err)
		}
		lengths = append(lengths, len(l.Text))
		text = append(text, l.Text...)
	}
	if !slices.Equal(lengths, []int{fleet.LineMax, fleet.LineMax, 10, 3}) || !bytes.Equal(text, []byte(long+"end")) {
		t.Errorf("lengths %v", lengths)
	}
}

// A log of an earlier version has no times: its lines arrived when it was last written to.
func TestLogsOfEarlierVersionsAreRead(t *testing.T) {
	j := newJournal(t)
	j.write("one\ntwo")
	at := time.Unix(1000, 0)
	if err := os.Chtimes(j.LogFile("i-1"), at, at); err != nil {
		t.Fatal(err)
	}
	delete(j.keepers, "i-1")
	all, err := j.Logs("a", "r")
	if err != nil || len(all) != 1 || !all[0].Last.Equal(at) || all[0].Bytes != 7 || all[0].Endpoint != "e" {
		t.Errorf("%+v %v", all, err)
	}
	j.wants("all", fleet.LogRange{}, "0@1000 one", "4@1000 two")
}

// The times of a log that is written to each second for ever take a bounded amount of disk.
func TestTimesAreBounded(t *testing.T) {
	j := newJournal(t)
	j.wroteAt(1, "x\n")
	ts, path := j.times["i-1"], j.LogFile("i-1")
	ts.marks = marksMax - 1 // as if they had been added: the file has a hole
	j.wroteAt(2, "y\n")
	info, err := os.Stat(path + timesSuffix)
	if err != nil || info.Size() > (marksMax/2+3)*markSize || ts.last.at != 4 {
		t.Errorf("%v bytes, %+v (%v)", info.Size(), *ts, err)
	}
}
