package history

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// state is what the history has to know beside its TSDBs: how far they are rolled up. It is written before and after each slice, so
// that one that was interrupted is done again, exactly as it was, before anything else is written.
type state struct {
	Rolled  [len(resolutions)]int64 // by tier, Unix seconds: what begins before is in the next tier; 0: nothing is
	Rolling [len(resolutions)]int64 // by tier: Rolled after the slice that is under way
}

const stateFile = "rolled.json"

// home is the tier that has the samples of a minute: the finest that is not rolled up there yet.
func (s *state) home(start int64) int {
	for i := 1; i < len(resolutions)-1; i++ {
		if start >= s.Rolled[i] {
			return i
		}
	}
	return len(resolutions) - 1
}

func readState(dir string) (state, error) {
	var s state
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading the history's state: %w", err)
	}
	var f stateText
	if err := json.Unmarshal(text, &f); err != nil {
		return s, fmt.Errorf("%w: %w", errDamagedState, err)
	}
	if f.Sum != "" && f.Sum != f.sum() { // earlier versions wrote none
		return s, fmt.Errorf("%w: its checksum is another", errDamagedState)
	}
	return f.state, nil
}

// stateText is the file's content.
type stateText struct {
	state
	Sum string `json:",omitempty"` // checksum of the state
}

func (s *state) sum() string {
	sum := sha256.Sum256(fmt.Append(nil, s.Rolled, s.Rolling))
	return hex.EncodeToString(sum[:])
}

// errDamagedState says that the state's file cannot be understood, or is not what was written.
var errDamagedState = errors.New("the history's state is damaged")

// repair makes the state again from what the tiers have. A slice is rolled up as a whole, and what comes late for a slice that was rolled up is
// written to the next tier, so the next tier's newest sample is of the last slice that had samples, or of the one that was under way. That slice
// is done again: where it was whole already, that changes nothing. The tiers are open.
func (h *History) repair(cause error) error {
	var s state
	for i := len(resolutions) - 2; i > 0; i-- {
		newest, ok, err := h.tiers[i+1].newest()
		if err != nil {
			return err
		}
		if ok {
			s.Rolled[i] = floor(newest, h.tiers[i].slice)
			s.Rolling[i] = s.Rolled[i] + h.tiers[i].slice
		}
		s.Rolled[i] = max(s.Rolled[i], s.Rolling[i+1]) // a tier is never behind the next one
		s.Rolling[i] = max(s.Rolling[i], s.Rolled[i])
		if h.tiers[i].db == nil {
			s.Rolled[i] = s.Rolling[i]
		}
	}
	h.o.Log.Warn("the history's state is damaged, and is made again from the datapoints", "file", filepath.Join(h.o.Dir, stateFile), "error", cause)
	if err := s.write(h.o.Dir, h.unsynced); err != nil {
		return err
	}
	h.mu.Lock()
	h.state = s
	h.mu.Unlock()
	for i, t := range h.tiers {
		t.rolled.Store(s.Rolled[i] * 1000)
	}
	return nil
}

// write replaces the file durably, or not at all.
func (s *state) write(dir string, unsynced bool) error {
	text, err := json.Marshal(stateText{*s, s.sum()})
	if err != nil {
		return fmt.Errorf("writing the history's state: %w", err)
	}
	path := filepath.Join(dir, stateFile)
	if unsynced {
		return os.WriteFile(path, text, 0o600)
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing the history's state: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing the history's state: %w", err)
	}
	if err := errors.Join(os.Rename(path+".new", path), syncPath(dir)); err != nil {
		return fmt.Errorf("writing the history's state: %w", err)
	}
	return nil
}
