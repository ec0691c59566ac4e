//go:build unix

package history

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
	"golang.org/x/sys/unix"

	"bellows.dev/bellows/engine"
)

// fileLimit limits the size of this process's files, so that writes fail as on a full disk until it is removed.
func fileLimit(t *testing.T, bytes uint64) (lift func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	lifted := false
	lift = func() {
		if lifted {
			return
		}
		lifted = true
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(lift)
	return lift
}

// fullDisk is a separate file system that is filled and emptied.
func fullDisk(t *testing.T) (dir string, fill, empty func()) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=300m"); err != nil {
		t.Skipf("a separate file system cannot be mounted (%v): using the limit of file sizes instead", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	file := filepath.Join(dir, "fill")
	fill = func() {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return // no inode is left
		}
		defer f.Close()
		for block := make([]byte, 4096); err == nil; {
			_, err = f.Write(block)
		}
	}
	return dir, fill, func() {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

// While the disk is full nothing is lost: waiting samples are read from memory, others from disk, and all are written automatically when there
// is space, also after a kill. A history that is opened on a full disk waits and sets nothing aside.
func TestFullDisk(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T) (dir string, fill, empty func()){
		"tmpfs": fullDisk,
		"limit": func(t *testing.T) (string, func(), func()) {
			var lift func()
			return t.TempDir(), func() { lift = fileLimit(t, 1<<20) }, func() { lift() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, fill, empty := prepare(t)
			l := newLife(t, filepath.Join(dir, "h"), Options{})
			defer func() { l.h.close() }()
			first := l.now
			l.put(0, time.Minute, 1)
			l.pass(10 * time.Minute)
			fill()
			second := l.now
			l.put(0, time.Minute, 2)
			refused := func() {
				t.Helper()
				l.now = l.now.Add(20 * time.Minute)
				if _, err := l.step(t.Context(), engine.Tick{}); err != nil {
					t.Fatal(err)
				}
				err := l.h.Flush(t.Context())
				if n := (*NoRoomError)(nil); !errors.As(err, &n) || !ofDisk(err) {
					t.Errorf("writing to a full disk ends with %v", err)
				}
			}
			refused()
			if n := l.h.Status().Held; n != 1 {
				t.Errorf("%d samples wait", n)
			}
			l.wantSum(first, time.Minute, 1)
			l.wantSum(second, time.Minute, 2)
			empty()
			l.h.close()
			fill()
			if err := l.h.start(t.Context()); !ofDisk(err) {
				t.Errorf("opening on a full disk ends with %v", err)
			}
			empty()
			if err := l.h.start(t.Context()); err != nil {
				t.Fatal(err)
			}
			l.flush()
			s := l.h.Status()
			if s.Held != 0 || len(s.Tiers[1].Damaged) != 0 {
				t.Errorf("afterwards the status is %+v", s)
			}
			l.wantSum(first, time.Minute, 1)
			l.wantSum(second, time.Minute, 2)
			l.again(true)
			l.wantSum(first, time.Minute, 1)
			l.wantSum(second, time.Minute, 2)
		})
	}
}

// If the space runs out between the trial and the write, the TSDB panics in our goroutine, never in one of its own: this is an error, after
// which the tier is opened again.
//
// After a panic the TSDB cannot be closed properly, so the test runs in a separate process.
func TestChunksThatCannotBeWritten(t *testing.T) {
	if os.Getenv(leaky) == "" {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		c.Env = append(os.Environ(), leaky+"=1")
		if out, err := c.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	first := l.now
	for range 500 { // more than a chunk
		l.put(0, time.Minute, 1)
		l.pass(time.Minute)
		l.h.tiers[1].maintained = time.Now()
	}
	want, _ := l.sum(first, 8*time.Hour)
	lift := fileLimit(t, 0)
	tier := l.h.tiers[1]
	if err := tier.tidy(t.Context()); !ofDisk(err) || !tier.torn.Load() {
		t.Fatalf("chunks that cannot be written give %v", err)
	}
	lift()
	at := l.now
	l.put(0, time.Minute, 5)
	l.pass(time.Minute)
	if tier.torn.Load() {
		t.Error("the tier was not opened again")
	}
	l.wantSum(at, time.Minute, 5)
	l.wantSum(first, 8*time.Hour, want)
}

// A TSDB that panics because of the disk while it is opened is an error: nothing is set aside, and the next attempt opens it.
func TestPanicWhileOpening(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	first := l.now
	l.put(0, time.Minute, 1)
	l.pass(10 * time.Minute)
	l.h.close()
	tier := l.h.tiers[1]
	tier.openTSDB = func(string, *slog.Logger, prometheus.Registerer, *tsdb.Options, *tsdb.DBStats) (*tsdb.DB, error) {
		panic(fmt.Errorf("writing a chunk: %w", unix.ENOSPC))
	}
	if err := l.h.start(t.Context()); !ofDisk(err) {
		t.Errorf("opening ends with %v", err)
	}
	tier.openTSDB = nil
	if err := l.h.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if damaged, _ := tier.aside.look(); len(damaged) > 0 {
		t.Errorf("set aside: %v", damaged)
	}
	l.wantSum(first, time.Minute, 1)
}

// A failed commit leaves a torn log; later commits still survive a kill.
func TestTornCommit(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	first := l.now
	l.put(0, time.Minute, 1)
	l.pass(10 * time.Minute)
	at := l.now
	tier := l.h.tiers[1]
	segment, err := filepath.Glob(filepath.Join(tier.dir, "wal", "0*"))
	if err != nil || len(segment) == 0 {
		t.Fatal(segment, err)
	}
	info, err := os.Stat(segment[len(segment)-1])
	if err != nil {
		t.Fatal(err)
	}
	lift := fileLimit(t, uint64(info.Size())+10)
	l.put(0, time.Minute, 2)
	l.now = l.now.Add(10 * time.Minute)
	if _, err := l.step(t.Context(), engine.Tick{}); err != nil {
		t.Fatal(err)
	}
	_, batches, err := l.h.gather(t.Context())
	if err != nil || len(batches) != 1 {
		t.Fatal(batches, err)
	}
	if err := l.h.write(t.Context(), home, l.now.Unix(), minutes(batches[0].pending, batches[0].sealed.Unix())); !ofDisk(err) || !tier.torn.Load() {
		t.Errorf("a commit to a full disk gives %v", err)
	}
	lift()
	for range 3 {
		l.flush()
		l.put(0, time.Minute, 4)
		l.pass(10 * time.Minute)
	}
	l.again(true)
	l.wantSum(first, time.Minute, 1)
	l.wantSum(at, time.Minute, 2)
	l.wantSum(at.Add(time.Minute), time.Hour, 12)
}
