package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// Logs implements fleet.Fleet. A log of an earlier version of a copy that was gone then has no owner, and is not listed.
func (f *Fleet) Logs(account, region string) ([]fleet.Log, error) {
	files, err := filepath.Glob(filepath.Join(f.o.Dir, "logs", "*.log"+ownerSuffix))
	if err != nil {
		return nil, err
	}
	var out []fleet.Log
	for _, file := range files {
		path := strings.TrimSuffix(file, ownerSuffix)
		l := fleet.Log{Copy: hosting.CopyID(strings.TrimSuffix(filepath.Base(path), ".log"))}
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("reading whose log it is: %w", err)
		}
		if json.Unmarshal(text, &l.LogOwner) != nil || l.Account != account || l.Region != region {
			continue // a crash left half a file
		}
		if err := f.describeLog(path, &l); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("reading a log: %w", err)
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b fleet.Log) int { return strings.Compare(string(a.Copy), string(b.Copy)) })
	return out, nil
}

// describeLog fills in what a log's files tell.
func (f *Fleet) describeLog(path string, l *fleet.Log) error {
	f.mu.Lock()
	running := f.keepers[l.Copy] != nil
	f.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	at := time.Now()
	if !running {
		at = info.ModTime()
	}
	f.logs.Lock()
	defer f.logs.Unlock()
	if err := f.noteLocked(l.Copy, at, !running); err != nil {
		return err
	}
	t, err := f.known(l.Copy)
	if err != nil {
		return err
	}
	if t.marks > 0 {
		l.First, l.Last = time.UnixMilli(t.first.time), time.UnixMilli(t.last.time)
	}
	l.Bytes = info.Size()
	if older, err := os.Stat(path + ".1"); err == nil {
		l.Bytes += older.Size()
	}
	return nil
}

// noteFound marks the lines that a copy wrote while no server ran: they arrived when its log was last written to, or before.
func (f *Fleet) noteFound(k *keeper) {
	path := f.LogFile(k.spec.ID)
	info, err := os.Stat(path)
	if err == nil {
		err = errors.Join(writeOwner(path, k.instance, k.spec, info.ModTime()), f.note(k.spec.ID, info.ModTime(), false))
	}
	if err != nil {
		f.o.Log.Warn("the times of a log could not be noted", "instance", string(k.spec.ID), "error", err)
	}
}

// ReadLog implements fleet.Fleet. It holds no lock while the caller has a line, and reads on behind what was cut off meanwhile.
func (f *Fleet) ReadLog(ctx context.Context, id hosting.CopyID, r fleet.LogRange) iter.Seq2[fleet.Line, error] {
	return func(yield func(fleet.Line, error) bool) {
		err := f.readLog(ctx, id, r, func(l fleet.Line) bool { return yield(l, nil) })
		if errors.Is(err, fs.ErrNotExist) {
			err = fleet.ErrNoLog
		}
		if err != nil {
			yield(fleet.Line{}, err)
		}
	}
}

func (f *Fleet) readLog(ctx context.Context, id hosting.CopyID, r fleet.LogRange, each func(fleet.Line) bool) error {
	if strings.ContainsAny(string(id), "/\x00") {
		return fs.ErrNotExist
	}
	if _, err := os.Stat(f.LogFile(id)); err != nil {
		return err
	}
	s := scan{fleet: f, id: id, at: r.From}
	var err error
	if s.marks, err = os.Open(f.LogFile(id) + timesSuffix); errors.Is(err, fs.ErrNotExist) {
		return nil // nothing has arrived
	} else if err != nil {
		return err
	}
	defer s.marks.Close() //nolint:errcheck // it was only read
	info, err := s.marks.Stat()
	if err != nil {
		return err
	}
	s.count = info.Size()/markSize - 1
	if err := s.seek(r.Since); err != nil {
		return err
	}
	for ; s.next < s.count; s.next++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := readMark(s.marks, s.next)
		if err != nil {
			return err
		}
		if !r.Until.IsZero() && m.time >= r.Until.UnixMilli() {
			return nil
		}
		if more, err := s.lines(ctx, m, each); err != nil || !more {
			return err
		}
	}
	return nil
}

// scan is a reading of a log, in progress.
type scan struct {
	fleet *Fleet
	id    hosting.CopyID

	marks       *os.File
	count, next int64 // marks, and the one that ends the next lines

	at  int64  // position of the next line
	buf []byte // of what follows it
	mem []byte // that buf is a part of
}

// seek finds the first mark that ends a line of the range.
func (s *scan) seek(since time.Time) (err error) {
	if !since.IsZero() {
		if s.next, err = search(s.marks, s.count, func(m mark) bool { return m.time >= since.UnixMilli() }); err != nil {
			return err
		}
		if s.next > 0 {
			before, err := readMark(s.marks, s.next-1)
			if err != nil {
				return err
			}
			s.at = max(s.at, before.at)
		}
	}
	found, err := search(s.marks, s.count, func(m mark) bool { return m.at > s.at })
	s.next = max(s.next, found)
	return err
}

// lines calls each with the lines before a mark.
func (s *scan) lines(ctx context.Context, m mark, each func(fleet.Line) bool) (more bool, _ error) {
	for s.at < m.at {
		left := int(min(m.at-s.at, fleet.LineMax+1))
		end := bytes.IndexByte(s.buf[:min(left, len(s.buf))], '\n') + 1
		if end == 0 && len(s.buf) < left {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			if err := s.fill(left); err != nil || len(s.buf) == 0 {
				return false, err
			}
			continue
		}
		if end == 0 { // a line without a line break, or a part of a long one
			end = min(left, fleet.LineMax)
		}
		text := bytes.TrimRight(s.buf[:end], "\r\n")
		l := fleet.Line{At: s.at, Next: s.at + int64(end), Time: time.UnixMilli(m.time), Text: text}
		s.at, s.buf = l.Next, s.buf[end:]
		if len(text) > 0 && !each(l) {
			return false, nil
		}
	}
	return true, nil
}

// fill reads more of the log, until the buffer has at least as many bytes, or the log ends: then the buffer is empty.
func (s *scan) fill(least int) error {
	const block = 64 << 10
	had := len(s.buf)
	want := min(max(2*had, block), max(least, block))
	if cap(s.mem) < want {
		s.mem = append(make([]byte, 0, want), s.buf...)
	} else {
		s.mem = s.mem[:copy(s.mem[:cap(s.mem)], s.buf)]
	}
	n, at, err := s.fleet.readAt(s.id, s.at+int64(had), s.mem[had:cap(s.mem)])
	if err != nil {
		return err
	}
	if n == 0 {
		s.buf = nil
		return nil
	}
	if at != s.at+int64(had) { // what lies between was cut off
		copy(s.mem[:cap(s.mem)], s.mem[had:had+n])
		s.at, had = at, 0
	}
	s.buf = s.mem[:had+n]
	return nil
}

// readAt reads from a position of a log, or from the first one behind it that is kept. n is 0 at the end.
func (f *Fleet) readAt(id hosting.CopyID, pos int64, into []byte) (n int, at int64, err error) {
	f.logs.Lock()
	defer f.logs.Unlock()
	t, err := f.known(id)
	if err != nil {
		return 0, 0, err
	}
	path, from := f.LogFile(id), t.base
	if pos < t.base {
		older, err := os.Stat(path + ".1")
		switch {
		case err == nil:
			path, from = path+".1", t.base-older.Size()
		case !errors.Is(err, fs.ErrNotExist):
			return 0, 0, err
		}
		pos = max(pos, from)
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	n, err = file.ReadAt(into, pos-from)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, pos, err
}
