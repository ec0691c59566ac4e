package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bellows.dev/bellows/internal/log"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// A test that wants a server to kill starts this very program with writerDir set: it commits until it dies, and prints each
// sequence number once it is acknowledged.
const writerDir = "BELLOWS_TEST_WRITER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		fmt.Fprintln(os.Stderr, write(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func write(dir string) error {
	s, err := Open(context.Background(), dir)
	if err != nil {
		return err
	}
	end, err := s.End(context.Background())
	if err != nil {
		return err
	}
	for seq := end + 1; ; seq += 3 {
		inputs := []log.Entry{input(seq), input(seq + 1), input(seq + 2)}
		happened := []log.EventRecord{{At: noon, Table: "alarm", Scope: "s", Key: "k", Type: "t", Kind: "x", Data: fmt.Append(nil, seq)}}
		if err := s.Append(context.Background(), log.Batch{Entries: inputs, Events: happened}); err != nil {
			return err
		}
		if seq%50 == 1 {
			shot := log.Snapshot{Seq: seq, At: noon, State: text("state ", seq)}
			if err := s.SaveSnapshot(context.Background(), shot, log.Page{First: seq, Last: seq - 1}, log.Keep{Journal: noon.Add(time.Hour)}); err != nil {
				return err
			}
		}
		fmt.Println(seq + 2)
	}
}

func input(seq uint64) log.Entry {
	return log.Entry{Seq: seq, At: noon.Add(time.Duration(seq)), Kind: "Tick", Data: fmt.Appendf(nil, "input %d", seq)}
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Killed at any moment, the store has every acknowledged input, whole and in order.
func TestKilledWhileWriting(t *testing.T) {
	dir := t.TempDir()
	acknowledged := uint64(0)
	for round := range 6 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), writerDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := rand.IntN(40) + 1; n > 0 && lines.Scan(); n-- {
			if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Process.Kill()
		for lines.Scan() { // acknowledged before it died
			if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Wait()
		s, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		verify(t, s, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged < 10 {
		t.Errorf("only %d inputs were written: the test proves nothing", acknowledged)
	}
}

func verify(t *testing.T, s *Store, acknowledged uint64) {
	t.Helper()
	shots, err := s.Snapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	if len(shots) > 0 {
		last = shots[len(shots)-1].Seq
		if data, err := s.Snapshot(t.Context(), shots[0].Seq); err != nil || string(data) != fmt.Sprint("state ", shots[0].Seq) {
			t.Errorf("snapshot %d: %q, %v", shots[0].Seq, data, err)
		}
	}
	if err := s.Read(t.Context(), last, func(in log.Entry) error {
		last = in.Seq
		if want := input(in.Seq); string(in.Data) != string(want.Data) || !in.At.Equal(want.At) || in.Kind != want.Kind {
			t.Errorf("input %d is torn: %+v", in.Seq, in)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if end, err := s.End(t.Context()); err != nil || last < acknowledged || last%3 != 0 || end != last {
		t.Errorf("the journal has %d lines and ends at %d, %v; %d was acknowledged", last, end, err, acknowledged)
	}
}

func TestForeignDamagedAndNewerFilesAreRefusedAndStay(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string) (refusal string){
		"foreign": func(t *testing.T, path string) string {
			exec1(t, path, "PRAGMA application_id = 7")
			return "another program"
		},
		"newer": func(t *testing.T, path string) string {
			exec1(t, path, "PRAGMA user_version = 99")
			return "newer version"
		},
		"no database": func(t *testing.T, path string) string {
			if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
			return "damaged"
		},
		"damaged": func(t *testing.T, path string) string {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 4096; i < len(text); i++ {
				text[i] ^= 0x5a
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			return "damaged"
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(1)}}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, FileName)
			want := spoil(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("opened: %v, want a refusal with %q", err, want)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func exec1(t *testing.T, path, text string) {
	t.Helper()
	db, err := connect(path, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), text+"; PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSecondServerIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestDamagedSnapshotIsKnown(t *testing.T) {
	s := open(t, t.TempDir())
	for seq := uint64(1); seq <= 3; seq++ {
		if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(seq)}}); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveSnapshot(t.Context(), log.Snapshot{Seq: seq, At: noon, State: text("state", seq)}, log.Page{First: 1}, log.Keep{Journal: noon.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, edit := range []string{"at = at + 1", "seq = 4", "seq = 3, data = x'00'"} {
		if _, err := s.write.ExecContext(t.Context(), "UPDATE snapshot SET "+edit+" WHERE seq >= 3"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.write.ExecContext(t.Context(), "UPDATE part SET seq = (SELECT max(seq) FROM snapshot) WHERE seq >= 3"); err != nil {
			t.Fatal(err)
		}
		seq := uint64(3)
		if edit == "seq = 4" {
			seq = 4
		}
		if _, err := s.Snapshot(t.Context(), seq); !errors.Is(err, log.ErrDamaged) {
			t.Errorf("a snapshot with %s: %v", edit, err)
		}
	}
	if data, err := s.Snapshot(t.Context(), 2); err != nil || string(data) != "state2" {
		t.Errorf("the one before: %q, %v", data, err)
	}
	n := 0
	if err := s.Read(t.Context(), 2, func(log.Entry) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d inputs after the older snapshot, %v", n, err)
	}
}

func BenchmarkCommit(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for seq := uint64(1); b.Loop(); seq++ {
		if err := s.Append(b.Context(), log.Batch{Entries: []log.Entry{input(seq)}}); err != nil {
			b.Fatal(err)
		}
	}
}

// text writes a state for a test.
func text(parts ...any) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := fmt.Fprint(w, parts...)
		return err
	}
}
