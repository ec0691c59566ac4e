package control

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
)

// How the diary is kept.
const (
	keepDiary  = 14 * 24 * time.Hour // policy time
	archiveMax = 2 << 30             // bytes on disk, where Options has nothing else; the oldest goes first
	volumeLong = time.Hour           // policy time: how far the next state to begin from is away at least
	pageMax    = 32 << 20            // bytes; a page that is longer is written at once
)

// diary is what is needed to take the steps of the last two weeks again, without their measurements: now and then the engine's state
// without metrics, and from there on a line for each step that led to something, with the readings of its alarms. A page of it is
// written with each snapshot, in the same transaction: a server that comes back from the snapshot goes on with the next page.
type diary struct {
	page   log.Page
	volume time.Time // when the newest state was
	dict   map[*alarm.Alarm]*noted
	last   time.Time // of the lines
	next   int       // place in dict of the alarm that is expected
}

// noted is an alarm of the diary: its place, and its datapoints when it was last noted.
type noted struct {
	place  int
	recent []float64
}

// What a line has; the first byte of each.
const (
	hasInput = 1 << iota
	hasTrace
	hasAges // each reading tells which periods its datapoints are of; consecutive ones where the line lacks it
)

// begin starts a volume with an engine as it stands after an input, at a moment not before the engine's.
func (d *diary) begin(ctx context.Context, e *engine.Engine, seq uint64, at time.Time) error {
	state, err := log.PackAll(func(w io.Writer) error { return writeState(ctx, w, e, false) })
	if err != nil {
		return fmt.Errorf("encoding a state for the diary: %w", err)
	}
	d.volume, d.dict = at, map[*alarm.Alarm]*noted{}
	d.turn(seq, at)
	d.page.State = state
	return nil
}

// turn begins a page after an input.
func (d *diary) turn(seq uint64, at time.Time) {
	d.page = log.Page{First: seq + 1, Last: seq, At: at, Until: at, Lines: d.page.Lines[:0]}
	d.last, d.next = at, 0
}

// full reports whether the page should be written now.
func (d *diary) full() bool { return len(d.page.Lines) >= pageMax }

// note writes down a step of the journal, decided again. Where that led to other events than when it happened, the line says so: its sum
// is one that no step has again.
func (d *diary) note(x *Redecision) {
	now, in, out := x.At, x.in, x.out
	d.page.Last, d.page.Until = x.Seq, now
	measures := engine.Measures(in)
	if measures && out.Quiet() && x.Agrees() {
		return
	}
	b := d.page.Lines
	flags, sum := byte(0), digest(x.said)
	if !x.Agrees() {
		sum = ^sum
	}
	if slices.ContainsFunc(out.Evaluated, func(x engine.Evaluated) bool { return len(x.Alarm.Ages) > 0 }) {
		flags |= hasAges
	}
	if !measures {
		flags |= hasInput
	}
	if sum != 0 {
		flags |= hasTrace
	}
	b = binary.AppendUvarint(append(b, flags), uint64(max(now.Sub(d.last), 0)))
	d.last = now
	if flags&hasInput != 0 {
		b = appendText(appendText(b, nameOf(in)), string(x.text))
	}
	if flags&hasTrace != 0 {
		b = binary.LittleEndian.AppendUint64(b, sum)
	}
	b = binary.AppendUvarint(b, uint64(len(out.Evaluated)))
	for _, x := range out.Evaluated {
		b = d.reading(b, x)
		if flags&hasAges != 0 {
			b = appendAges(b, x.Alarm.Ages)
		}
	}
	d.page.Lines = b
}

// reading appends what became of an alarm: which it is, how its datapoints differ from those before, and its state where that changed.
func (d *diary) reading(b []byte, x engine.Evaluated) []byte {
	n := d.dict[x.Alarm]
	if n == nil {
		n = &noted{place: len(d.dict)}
		d.dict[x.Alarm] = n
		b = binary.AppendVarint(b, int64(n.place-d.next))
		b = appendText(appendText(appendText(b, x.Region.Scope.Account), x.Region.Scope.Region), x.Alarm.Name)
	} else {
		b = binary.AppendVarint(b, int64(n.place-d.next))
	}
	d.next = n.place + 1
	drop := overlap(n.recent, x.Alarm.Recent)
	added := x.Alarm.Recent[len(n.recent)-drop:]
	moved := uint64(0)
	if x.Moved {
		moved = 1
	}
	b = binary.AppendUvarint(b, uint64(drop)<<1|moved)
	b = binary.AppendUvarint(b, uint64(len(added)))
	for _, v := range added {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	n.recent = append(n.recent[:0], x.Alarm.Recent...)
	if x.Moved {
		b = appendText(appendText(append(b, byte(x.Alarm.State)), x.Alarm.Reason), x.Alarm.Data)
	}
	return b
}

// appendAges appends how many periods lie between each datapoint and the next newer one, the newest period being the last.
func appendAges(b []byte, ages []int) []byte {
	b = binary.AppendUvarint(b, uint64(len(ages)))
	for i, age := range ages {
		newer := 0
		if i+1 < len(ages) {
			newer = ages[i+1]
		}
		b = binary.AppendUvarint(b, uint64(age-newer))
	}
	return b
}

// overlap returns how many of the oldest datapoints went, so that those left are the oldest ones now.
func overlap(before, now []float64) int {
	drop := max(len(before)-len(now), 0)
	for drop < len(before) && !slices.Equal(before[drop:], now[:len(before)-drop]) {
		drop++
	}
	return drop
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// digest is a digest of the events that explanations rest on, in any order; 0 where there are none.
func digest(events []event) (sum uint64) {
	for _, e := range events {
		switch e.value.(type) {
		case engine.Decided, engine.ActivityChanged, engine.AlarmTransition, engine.EndpointChanged, engine.InstanceChanged,
			engine.ScheduledActionRan, engine.ForecastMade, engine.MaxCapacityRaised:
			h := fnv.New64a()
			h.Write([]byte(e.kind)) // a hash does not fail
			h.Write(e.text)
			sum += h.Sum64()
		}
	}
	return sum
}
