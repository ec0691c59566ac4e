package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of a Log.
const (
	// KeptFor is how long records are kept. AWS: CloudTrail event history, 90 days.
	KeptFor = 90 * 24 * time.Hour

	pendingMax    = 8 << 20 // bytes that wait to be written
	recordMax     = 32 << 10
	refusedPerSec = 20                     // refusals kept in a second: a client without a key must not displace the rest
	writeEvery    = 200 * time.Millisecond // after the first record that waits
	segmentFormat = "%010d.jsonl"
)

// Options configures a Log. All are required but OnAdd.
type Options struct {
	Dir      string               // of the files; it is made
	BytesMax int64                // of all files; the oldest records go first
	Now      func() time.Time     // policy time
	OnAdd    func(account string) // is called after a record was added; it must not block
	Log      *slog.Logger
}

// Log is the audit log of a data directory. Its methods may be called by any number of goroutines.
type Log struct {
	o    Options
	wake chan struct{}

	mu      sync.Mutex // guards what follows; it is never held during input and output
	pending []byte     // lines that are not written
	max     int64      // Options.BytesMax, or what was set since
	lost    int        // records that were not kept since the last one that was
	second  int64      // of refused
	refused int

	file    sync.Mutex // guards what follows, and is held while files are written and listed
	segment *os.File   // the newest
	number  int64      // of segment
	size    int64      // of segment
	dirty   bool       // segment has data that is not synced
	failing bool       // the last write failed
}

// Open opens the log of a folder. Records of a segment that a crash has cut in the middle of a line are kept up to that line.
func Open(o Options) (*Log, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	l := &Log{o: o, wake: make(chan struct{}, 1), max: o.BytesMax}
	numbers, err := l.segments()
	if err != nil {
		return nil, err
	}
	if len(numbers) > 0 {
		l.number = numbers[len(numbers)-1]
	}
	return l, nil // the first write begins a new segment
}

// SetMax sets the bytes of all files.
func (l *Log) SetMax(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = n
}

// Add adds a record. It sets EventVersion and, where it is zero, EventTime. It never waits for the disk: where records arrive faster than they are
// written, or the disk takes none, the newest are dropped and counted, and so are refusals beyond twenty a second.
func (l *Log) Add(r Record, refusal bool) {
	r.EventVersion = "1.11" // of CloudTrail's format
	if r.EventTime.IsZero() {
		r.EventTime = l.o.Now()
	}
	r.EventTime = r.EventTime.UTC().Truncate(time.Millisecond)
	if l.append(r, refusal) && l.o.OnAdd != nil {
		l.o.OnAdd(r.Recipient)
	}
	select {
	case l.wake <- struct{}{}:
	default: // it is awake
	}
}

func (l *Log) append(r Record, refusal bool) (kept bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now().Unix(); now != l.second {
		l.second, l.refused = now, 0
	}
	if refusal {
		if l.refused++; l.refused > refusedPerSec {
			l.lost++
			return false
		}
	}
	if l.lost > 0 {
		if r.Additional == nil {
			r.Additional = map[string]any{}
		}
		r.Additional[Lost] = l.lost
	}
	line, err := json.Marshal(r)
	if err != nil || len(line) > recordMax || len(l.pending)+len(line) >= pendingMax {
		l.lost++
		return false
	}
	l.lost = 0
	l.pending = append(append(l.pending, line...), '\n')
	return true
}

// Run writes records until ctx ends, and then those that wait.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	l.trim()
	for {
		select {
		case <-ctx.Done():
			l.close()
			return
		case <-tick.C:
			l.trim()
		case <-l.wake:
		}
		select {
		case <-ctx.Done():
		case <-time.After(writeEvery): // records that arrive together are written together
		}
		l.note(errors.Join(l.flush(), l.sync()))
	}
}

// note logs the first of a series of failures.
func (l *Log) note(err error) {
	l.file.Lock()
	first := err != nil && !l.failing
	l.failing = err != nil
	l.file.Unlock()
	if first {
		l.o.Log.Error("the audit log cannot be written; it is tried again, and up to 8 MB wait", "error", err)
	}
}

func (l *Log) close() {
	err := errors.Join(l.flush(), l.sync())
	l.note(err)
	l.file.Lock()
	defer l.file.Unlock()
	if l.segment != nil {
		_ = l.segment.Close() // it is synced
		l.segment = nil
	}
}

// flush writes what waits. What cannot be written waits on.
func (l *Log) flush() error {
	l.file.Lock()
	defer l.file.Unlock()
	l.mu.Lock()
	lines := l.pending
	l.pending = nil
	segmentMax := l.segmentMax()
	l.mu.Unlock()
	if len(lines) == 0 {
		return nil
	}
	n, err := l.write(lines, segmentMax)
	if err != nil {
		l.mu.Lock()
		l.pending = append(lines[n:], l.pending...)
		l.mu.Unlock()
	}
	return err
}

// segmentMax is the size at which a new segment is begun: a sixteenth of all, at most 1 MB, so that queries read a segment as a whole.
func (l *Log) segmentMax() int64 { return min(l.max/16, 1<<20) }

// write appends whole lines to segments and returns how many bytes of them are written.
func (l *Log) write(lines []byte, segmentMax int64) (written int, err error) {
	for written < len(lines) {
		if err := l.begin(segmentMax); err != nil {
			return written, err
		}
		end := written + lineEnd(lines[written:], max(segmentMax-l.size, 0))
		n, err := l.segment.Write(lines[written:end])
		if err != nil {
			return written, errors.Join(err, l.cut(n))
		}
		l.size, l.dirty, written = l.size+int64(n), true, end
	}
	return written, nil
}

// lineEnd returns the end of the last line that ends within most bytes; of the first line where none does.
func lineEnd(lines []byte, most int64) int {
	if int64(len(lines)) <= most {
		return len(lines)
	}
	if i := strings.LastIndexByte(string(lines[:most]), '\n'); i >= 0 {
		return i + 1
	}
	return strings.IndexByte(string(lines), '\n') + 1
}

// begin opens a segment where there is none with room.
func (l *Log) begin(segmentMax int64) error {
	if l.segment != nil && l.size < segmentMax {
		return nil
	}
	if l.segment != nil {
		if err := errors.Join(l.segment.Sync(), l.segment.Close()); err != nil {
			return err
		}
		l.segment = nil
	}
	f, err := os.OpenFile(l.path(l.number+1), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("beginning a file of the audit log: %w", err)
	}
	l.number++
	l.segment, l.size = f, 0
	return nil
}

// cut removes what a failed write has left of a line.
func (l *Log) cut(n int) error {
	if n == 0 {
		return nil
	}
	return l.segment.Truncate(l.size)
}

// sync makes what is written last.
func (l *Log) sync() error {
	l.file.Lock()
	defer l.file.Unlock()
	if !l.dirty || l.segment == nil {
		return nil
	}
	l.dirty = false
	return l.segment.Sync()
}

// trim removes segments beyond the limits of bytes and time. The newest one stays.
func (l *Log) trim() {
	l.mu.Lock()
	most := l.max
	l.mu.Unlock()
	numbers, err := l.segments()
	if err != nil {
		l.o.Log.Warn("the audit log is not trimmed", "error", err)
		return
	}
	var total int64
	for i := len(numbers) - 1; i >= 0; i-- {
		info, err := os.Stat(l.path(numbers[i]))
		if err != nil {
			continue
		}
		total += info.Size()
		if i < len(numbers)-1 && (total > most || time.Since(info.ModTime()) > KeptFor) {
			if err := os.Remove(l.path(numbers[i])); err != nil {
				l.o.Log.Warn("the audit log is not trimmed", "error", err)
			}
		}
	}
}

func (l *Log) path(number int64) string {
	return filepath.Join(l.o.Dir, fmt.Sprintf(segmentFormat, number))
}

// segments returns the numbers of the segments, in order.
func (l *Log) segments() ([]int64, error) {
	entries, err := os.ReadDir(l.o.Dir)
	if err != nil {
		return nil, fmt.Errorf("listing the audit log: %w", err)
	}
	var numbers []int64
	for _, e := range entries {
		if name, found := strings.CutSuffix(e.Name(), ".jsonl"); found {
			if n, err := strconv.ParseInt(name, 10, 64); err == nil {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
