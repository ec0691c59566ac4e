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

// state is the state of the history besides its TSDBs: how far they are rolled up. It is written before and after each slice, so
// that an interrupted one is repeated exactly before anything else is written.
type state struct {
	Rolled  [len(resolutions)]int64 // by tier, Unix seconds: samples that begin before are in the next tier; 0: none
	Rolling [len(resolutions)]int64 // by tier: Rolled after the slice in progress
}

const stateFile = "rolled.json"

// home returns the tier of a minute's samples: the finest one that is not rolled up at that time yet.
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
		if isDir(filepath.Join(dir, fmt.Sprintf("%ds", resolutions[2]))) { // it is made when a slice is rolled up into it
			return s, fmt.Errorf("%w: the file is missing", errDamagedState)
		}
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
		return s, fmt.Errorf("%w: its checksum does not match", errDamagedState)
	}
	return f.state, nil
}

// stateText is the content of the file.
type stateText struct {
	state
	Sum string `json:",omitempty"` // checksum of the state
}

func (s *state) sum() string {
	sum := sha256.Sum256(fmt.Append(nil, s.Rolled, s.Rolling))
	return hex.EncodeToString(sum[:])
}

// errDamagedState is the error of a state file that cannot be decoded or does not match its checksum.
var errDamagedState = errors.New("the history's state is damaged")

// repair rebuilds the state from the tiers. A slice is rolled up as a whole, and late samples of a rolled-up slice are
// written to the next tier, so the next tier's newest sample belongs to the last slice with samples or to the one in progress. That slice
// is repeated; if it was complete, that changes nothing. The tiers are open.
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
	h.o.Log.Warn("the history's state is damaged and is rebuilt from the datapoints", "file", filepath.Join(h.o.Dir, stateFile), "error", cause)
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

// write replaces the file durably or not at all.
func (s *state) write(dir string, unsynced bool) error {
	text, err := json.Marshal(stateText{*s, s.sum()})
	if err != nil {
		return fmt.Errorf("writing the history's state: %w", err)
	}
	path := filepath.Join(dir, stateFile)
	if err := replaceFile(path, text, unsynced); err != nil {
		return fmt.Errorf("writing the history's state: %w", err)
	}
	return nil
}
