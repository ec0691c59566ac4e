package sqlite

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"bellows.dev/bellows/internal/log"
)

// noise is data that does not get smaller when it is packed.
func noise(seed uint64, size int) []byte {
	data := make([]byte, size)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

// Commits wait for transactions of snapshots, so each is short: of a page of the diary that is large no row holds more than a part.
func TestLargePagesAreSavedInParts(t *testing.T) {
	s := open(t, t.TempDir())
	p := page(0)
	p.Lines = noise(1, 5*partSize/2)
	state, err := log.Pack(noise(2, 3*partSize/2))
	if err != nil {
		t.Fatal(err)
	}
	p.State = state
	save := func(p log.Page, keep log.Keep) {
		t.Helper()
		for seq := p.First; seq <= p.Last; seq++ {
			if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(seq)}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SaveSnapshot(t.Context(), log.Snapshot{Seq: p.Last, At: p.Until, State: text("state")}, p, keep); err != nil {
			t.Fatal(err)
		}
	}
	save(p, all(0))
	number := func(query string) (n int) {
		t.Helper()
		if err := s.read.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := number(`SELECT max(length(data)) FROM part`); n > partSize {
		t.Errorf("a part has %d bytes", n)
	}
	if n := number(`SELECT max(length(lines) + length(state)) FROM diary`); n > partSize {
		t.Errorf("a row of the diary has %d bytes", n)
	}
	found := 0
	if err := s.Pages(t.Context(), noon.Add(time.Hour), func(got log.Page) error {
		found++
		if !bytes.Equal(got.Lines, p.Lines) || !bytes.Equal(got.State, p.State) {
			t.Error("the page is not what was saved")
		}
		return nil
	}); err != nil || found != 1 {
		t.Errorf("%d pages, %v", found, err)
	}
	if r, err := s.Reach(t.Context()); err != nil || r.Bytes < 4*partSize {
		t.Errorf("a diary of four parts has %d bytes, %v", r.Bytes, err)
	}
	next := page(1)
	next.State = packed("state")
	save(next, log.Keep{ArchiveMax: partSize})
	if n := number(`SELECT count(*) FROM part WHERE kind IN ('diary', 'lines')`); n != 0 {
		t.Errorf("%d parts of the page that was dropped are left", n)
	}
}

// Inputs that a snapshot covers are deleted by their size, one at least: one of 100,000 variants has megabytes.
func TestLargeInputsAreDeletedOneByOne(t *testing.T) {
	s := open(t, t.TempDir())
	for seq, size := range []int{partSize / 3, partSize / 3, partSize / 3, 3 * partSize, 2 * partSize, 10, 10} {
		in := log.Entry{Seq: uint64(seq) + 1, At: noon, Kind: "Tick", Data: noise(uint64(seq), size)}
		if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{in}}); err != nil {
			t.Fatal(err)
		}
	}
	for seq := uint64(7); seq <= 8; seq++ {
		if _, err := s.write.ExecContext(t.Context(), `INSERT INTO snapshot (seq, at, sum, data) VALUES (?, 0, x'', x'')`, seq); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int64{3, 1, 1, 2, 0} {
		done, err := s.write.ExecContext(t.Context(), dropEntries, nanos(noon)+1, trimRows, partSize)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := done.RowsAffected(); n != want || err != nil {
			t.Errorf("transaction %d deletes %d inputs, %v; want %d", i, n, err, want)
		}
	}
}
