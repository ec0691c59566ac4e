package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
)

// Import saves the state of an engine as the one a controller starts with. The log must be empty.
func Import(ctx context.Context, s log.Store, e *engine.Engine) error {
	end, err := s.End(ctx)
	if err != nil {
		return err
	}
	if end > 0 {
		return fmt.Errorf("importing a state: the journal has %d entries", end)
	}
	shot := log.Snapshot{Seq: 1, At: e.Now(), State: func(w io.Writer) error { return writeState(ctx, w, e, true, nil) }}
	return s.SaveSnapshot(ctx, shot, log.Page{First: 2, Last: 1, At: e.Now(), Until: e.Now()}, log.Keep{ArchiveMax: archiveMax})
}

// writeState encodes an engine's state as json.Marshal would, in pieces: see there.
func writeState(ctx context.Context, w io.Writer, e *engine.Engine, metrics bool, p *pace) error {
	head, regions := e.Parts(metrics)
	text, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("encoding a state: %w", err)
	}
	front, found := bytes.CutSuffix(text, []byte(`null}`)) // of Regions, the last member
	if !found {
		return errors.New("encoding a state: its regions are not its last member")
	}
	if _, err := w.Write(front); err != nil {
		return err
	}
	s := newPieces(w, p)
	s.list("[", "]", func(next func()) {
		for r := range regions {
			if s.err == nil {
				s.err = ctx.Err()
			}
			if s.err != nil {
				return
			}
			next()
			s.value(reflect.ValueOf(r))
		}
	})
	if s.text("}"); s.err != nil {
		return fmt.Errorf("encoding a state: %w", s.err)
	}
	return nil
}
