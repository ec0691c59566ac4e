package process

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// The files of a copy's log: what its process writes to, the part before that, when lines arrived, and whose log it is.
var logSuffixes = []string{"", ".1", timesSuffix, ownerSuffix}

const (
	timesSuffix = ".times"
	ownerSuffix = ".owner"
)

// Times of a log are a header, which is timesMagic and the position of the first byte of the log's newer file, and marks of 16 bytes: a position, and
// the Unix time in milliseconds at which all lines before it had arrived. Positions count from the first byte that the copy ever wrote. Both
// are 64-bit integers, little-endian. A mark ends a line, also one without a line break.
const (
	timesMagic = "bellowsT"
	markSize   = 16
)

// marksMax bounds the times of a log to 1 MB: then every second mark is dropped, so that the times of early lines get coarser.
const marksMax = 65_536

// partialAfter is how long a last line without a line break is not written to before it counts as a line.
const partialAfter = 2 * time.Second

// mark says that all lines before a position had arrived at a time.
type mark struct {
	at   int64
	time int64 // Unix milliseconds
}

// times is what is known of the times of one log. Fleet.logs guards it.
type times struct {
	base  int64 // position of the first byte of the newer file
	marks int64 // number of them
	last  mark
	first mark
}

// readTimes reads the times of a log; a log of an earlier version has none.
func readTimes(path string) (t times, err error) {
	f, err := os.Open(path + timesSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	var head [markSize]byte
	if n, _ := f.ReadAt(head[:], 0); n < markSize || string(head[:8]) != timesMagic {
		return t, nil // it is damaged, and is written again
	}
	info, err := f.Stat()
	if err != nil {
		return t, err
	}
	t.base, t.marks = int64(binary.LittleEndian.Uint64(head[8:])), info.Size()/markSize-1
	if t.marks > 0 {
		if t.first, err = readMark(f, 0); err == nil {
			t.last, err = readMark(f, t.marks-1)
		}
	}
	return t, err
}

// readMark reads mark number i.
func readMark(f *os.File, i int64) (mark, error) {
	var b [markSize]byte
	if _, err := f.ReadAt(b[:], (i+1)*markSize); err != nil {
		return mark{}, fmt.Errorf("reading the times of a log: %w", err)
	}
	return mark{int64(binary.LittleEndian.Uint64(b[:])), int64(binary.LittleEndian.Uint64(b[8:]))}, nil
}

// known returns the times of a log, read once. The lock for writing is held.
func (f *Fleet) known(id hosting.CopyID) (*times, error) {
	if t := f.times[id]; t != nil {
		return t, nil
	}
	t, err := readTimes(f.LogFile(id))
	if err != nil {
		return nil, err
	}
	if f.times == nil {
		f.times = map[hosting.CopyID]*times{}
	}
	f.times[id] = &t
	return &t, nil
}

// note marks the lines that have arrived since the last mark. final: no more will be written, so that the last line counts without a line break.
func (f *Fleet) note(id hosting.CopyID, now time.Time, final bool) error {
	f.logs.Lock()
	defer f.logs.Unlock()
	return f.noteLocked(id, now, final)
}

func (f *Fleet) noteLocked(id hosting.CopyID, now time.Time, final bool) error {
	path := f.LogFile(id)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	t, err := f.known(id)
	if err != nil {
		return err
	}
	if info.Size() < t.last.at-t.base { // it was cut, and the server ended before it wrote that down
		t.base = t.last.at
		if err := writeBase(path, t.base); err != nil {
			return err
		}
	}
	end := t.base + info.Size()
	if end == t.last.at {
		return nil
	}
	at := end
	if !final && now.Sub(info.ModTime()) < partialAfter {
		if at, err = lastBreak(path, max(t.last.at-t.base, info.Size()-fleet.LineMax), info.Size()); err != nil || at < 0 {
			return err
		}
		at += t.base
	}
	if at <= t.last.at {
		return nil
	}
	return f.addMark(path, t, mark{at, max(now.UnixMilli(), t.last.time)})
}

// lastBreak returns the offset behind the last line break of a file's part; the part's end where a line is longer than LineMax, and -1 where there is
// no end of a line.
func lastBreak(path string, from, to int64) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	buf := make([]byte, 4<<10)
	for end := to; end > from; {
		begin := max(from, end-int64(len(buf)))
		n, err := f.ReadAt(buf[:end-begin], begin)
		if err != nil && n == 0 {
			return 0, fmt.Errorf("reading a log: %w", err)
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return begin + int64(i) + 1, nil
		}
		end = begin
	}
	if to-from >= fleet.LineMax {
		return to, nil
	}
	return -1, nil
}

// addMark appends a mark to the times of a log, and thins the earlier ones where there are too many.
func (f *Fleet) addMark(path string, t *times, m mark) error {
	file, err := os.OpenFile(path+timesSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if t.marks == 0 {
		_, err = file.WriteAt(appendMark([]byte(timesMagic), t.base), 0)
		t.first = m
	}
	if err == nil {
		_, err = file.WriteAt(appendMark(appendMark(nil, m.at), m.time), (t.marks+1)*markSize)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("writing the times of a log: %w", err)
	}
	t.marks++
	t.last = m
	if t.marks < marksMax {
		return nil
	}
	odd := false
	return rewriteTimes(path, t, func(m mark) bool { odd = !odd; return !odd || m == t.last })
}

func appendMark(b []byte, n int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(n)) }

// writeBase changes the position of the first byte of the newer file.
func writeBase(path string, base int64) error {
	file, err := os.OpenFile(path+timesSuffix, os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the next mark writes it
	}
	if err != nil {
		return err
	}
	_, err = file.WriteAt(appendMark(nil, base), int64(len(timesMagic)))
	return errors.Join(err, file.Close())
}

// rewriteTimes writes the times again, with the marks to keep.
func rewriteTimes(path string, t *times, keep func(mark) bool) error {
	text, err := os.ReadFile(path + timesSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	out := appendMark([]byte(timesMagic), t.base)
	first := mark{}
	for i := int64(1); i <= t.marks && int(i+1)*markSize <= len(text); i++ {
		b := text[i*markSize:]
		m := mark{int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))}
		if !keep(m) {
			continue
		}
		if len(out) == markSize {
			first = m
		}
		out = appendMark(appendMark(out, m.at), m.time)
	}
	if err := os.WriteFile(path+timesSuffix+".new", out, 0o600); err != nil {
		return err
	}
	t.marks, t.first = int64(len(out)/markSize-1), first
	return os.Rename(path+timesSuffix+".new", path+timesSuffix)
}

// rotated notes that a log's newer file became its older one.
func rotated(path string, t *times, size, kept int64) error {
	t.base += size
	return rewriteTimes(path, t, func(m mark) bool { return m.at > t.base-kept })
}

// search returns the first mark of a file of times that is one.
func search(f *os.File, marks int64, is func(mark) bool) (int64, error) {
	var failed error
	i := sort.Search(int(marks), func(i int) bool {
		m, err := readMark(f, int64(i))
		failed = errors.Join(failed, err)
		return err != nil || is(m)
	})
	return int64(i), failed
}

// writeOwner writes whose log it is, once.
func writeOwner(path string, i hosting.InstanceSpec, c hosting.CopySpec, now time.Time) error {
	if _, err := os.Stat(path + ownerSuffix); err == nil {
		return nil
	}
	text, err := json.Marshal(fleet.LogOwner{
		Account: i.Account, Region: i.Region, Endpoint: i.Endpoint, Variant: i.Variant, Component: c.Component, Created: now.UTC(),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path+ownerSuffix, text, 0o600)
}
