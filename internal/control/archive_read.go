package control

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
)

// errArchive says that a page is malformed.
var errArchive = errors.New("the page of the archive is malformed")

// archiveLine is a step of the past.
type archiveLine struct {
	at       time.Time
	in       engine.Input // Tick in place of measurements
	sum      uint64
	readings []engine.Reading
}

// archiveReader reads the pages of a volume, in order.
type archiveReader struct {
	dict []readAlarm
	b    []byte // the rest of the page
	at   time.Time
	next int
	err  error
}

// readAlarm is an alarm of a volume.
type readAlarm struct {
	scope  engine.Scope
	name   string
	recent []float64
}

// page starts reading a page.
func (r *archiveReader) page(p log.Page) { r.b, r.at, r.next = p.Lines, p.At, 0 }

// line reads a line; ok is false at the end of the page, or if err says why it cannot be read.
func (r *archiveReader) line() (l archiveLine, ok bool) {
	if len(r.b) == 0 || r.err != nil {
		return l, false
	}
	flags := r.byte()
	r.at = r.at.Add(time.Duration(r.number()))
	l.at, l.in = r.at, engine.Tick{}
	if flags&hasInput != 0 {
		kind, text := r.text(), r.text()
		if r.err == nil {
			v, err := decode(inputTypes, kind, []byte(text))
			if err != nil {
				r.err = err
				return l, false
			}
			l.in = v.(engine.Input)
		}
	}
	if flags&hasTrace != 0 {
		l.sum = r.eight()
	}
	for n := r.number(); n > 0 && r.err == nil; n-- {
		x := r.reading()
		if flags&hasAges != 0 {
			x.Ages = r.ages()
		}
		l.readings = append(l.readings, x)
	}
	return l, r.err == nil
}

func (r *archiveReader) reading() engine.Reading {
	place := r.next + int(r.signed())
	switch {
	case r.err != nil || place < 0 || place > len(r.dict):
		r.fail()
		return engine.Reading{}
	case place == len(r.dict):
		r.dict = append(r.dict, readAlarm{scope: engine.Scope{Account: r.text(), Region: r.text()}, name: r.text()})
	}
	a := &r.dict[place]
	r.next = place + 1
	head := r.number()
	drop, added := head>>1, r.number()
	if drop > uint64(len(a.recent)) || added > uint64(len(r.b)/8) {
		r.fail()
		return engine.Reading{}
	}
	a.recent = slices.Delete(a.recent, 0, int(drop))
	for range added {
		a.recent = append(a.recent, math.Float64frombits(r.eight()))
	}
	x := engine.Reading{Scope: a.scope, Reading: alarm.Reading{Alarm: a.name, Recent: slices.Clone(a.recent), Moved: head&1 != 0}}
	if x.Moved {
		x.State, x.Reason, x.Data = alarm.State(r.byte()), r.text(), r.text()
	}
	return x
}

// ages is the inverse of appendAges.
func (r *archiveReader) ages() []int {
	n := r.number()
	if n == 0 {
		return nil
	}
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	ages := make([]int, n)
	for i := range ages {
		ages[i] = int(min(r.number(), math.MaxInt16))
	}
	for i := len(ages) - 2; i >= 0; i-- {
		ages[i] += ages[i+1]
	}
	return ages
}

func (r *archiveReader) fail() {
	if r.err == nil {
		r.err = errArchive
	}
	r.b = nil
}

func (r *archiveReader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *archiveReader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *archiveReader) signed() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *archiveReader) eight() uint64 {
	if len(r.b) < 8 {
		r.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

func (r *archiveReader) text() string {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// replay steps an engine with a line; agrees is false if it produced other events than when it was recorded.
func (l *archiveLine) replay(e *engine.Engine) (agrees bool, err error) {
	out, err := e.StepWithReadings(l.at, l.in, l.readings)
	if err != nil {
		return false, fmt.Errorf("a past input (%s, %s) is refused now: %w", nameOf(l.in), l.at.Format(time.RFC3339), err)
	}
	encoded, err := encodePast(out.Events)
	if err != nil {
		return false, err
	}
	return digest(encoded) == l.sum, nil
}
