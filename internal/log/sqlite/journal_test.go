package sqlite

import (
	"context"
	"testing"

	"bellows.dev/bellows/internal/log"
)

// Reads of an empty journal beside the commit of its first entry find it, or nothing: no gap.
func TestReadBesideTheFirstCommit(t *testing.T) {
	s := open(t, t.TempDir())
	for range 20 {
		ended := make(chan error, 3)
		reading := make(chan struct{}, cap(ended))
		for range cap(ended) {
			go func() {
				found := false
				var err error
				for !found && err == nil {
					err = s.Read(context.Background(), 0, func(log.Entry) error { found = true; return nil })
					select {
					case reading <- struct{}{}:
					default:
					}
				}
				ended <- err
			}()
		}
		for range cap(ended) {
			<-reading
		}
		if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(1)}}); err != nil {
			t.Fatal(err)
		}
		for range cap(ended) {
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.write.ExecContext(t.Context(), `DELETE FROM journal`); err != nil {
			t.Fatal(err)
		}
	}
}
