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

// Limits of the archive.
const (
	keepArchive = 14 * 24 * time.Hour // policy time
	archiveMax  = 2 << 30             // bytes on disk by default; the oldest pages are dropped first
	volumeLong  = time.Hour           // policy time: the shortest interval between states
	pageMax     = 32 << 20            // bytes; a longer page is written at once
)

// archiver writes the archive, from which the steps of the last two weeks can be replayed without their measurements: at intervals the engine's
// state without metrics, which begins a volume, and after it a line for each step that had a result, with the readings of its alarms. A page is
// written with each snapshot, in the same transaction, so that a restored server continues with the next page.
type archiver struct {
	pace   *pace // of its work beside steps
	page   log.Page
	volume time.Time // time of the newest state
	dict   map[*alarm.Alarm]*archivedAlarm
	last   time.Time // of the lines
	next   int       // index in dict of the alarm that is expected next
}

// archivedAlarm is an alarm of a volume: its index, and its datapoints in its newest reading.
type archivedAlarm struct {
	place  int
	recent []float64
}

// Flags of a line, in its first byte.
const (
	hasInput = 1 << iota
	hasTrace
	hasAges // each reading has the ages of its datapoints; without it they are consecutive
)

// begin starts a volume with the state of an engine after an entry, at a moment not before the engine's.
func (d *archiver) begin(ctx context.Context, e *engine.Engine, seq uint64, at time.Time) error {
	state, err := log.PackAll(func(w io.Writer) error { return writeState(ctx, w, e, false, d.pace) })
	if err != nil {
		return fmt.Errorf("encoding a state for the archive: %w", err)
	}
	d.volume, d.dict = at, map[*alarm.Alarm]*archivedAlarm{}
	d.turn(seq, at)
	d.page.State = state
	return nil
}

// turn starts a page after an entry.
func (d *archiver) turn(seq uint64, at time.Time) {
	d.page = log.Page{First: seq + 1, Last: seq, At: at, Until: at, Lines: d.page.Lines[:0]}
	d.last, d.next = at, 0
}

// full reports whether the page should be written now.
func (d *archiver) full() bool { return len(d.page.Lines) >= pageMax }

// note appends a replayed step. If it produced other events than when it was recorded, its line has a checksum that no replay matches.
func (d *archiver) note(x *Redecision) {
	now, in, out := x.At, x.in, x.out
	d.page.Last, d.page.Until = x.Seq, now
	measures := engine.Measures(in)
	if measures && out.Quiet() && x.Agrees() {
		return
	}
	b := d.page.Lines
	flags, sum := byte(0), digest(x.encoded)
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

// reading appends a reading of an alarm: which one, how its datapoints differ from its last reading, and its state if that changed.
func (d *archiver) reading(b []byte, x engine.Evaluated) []byte {
	n := d.dict[x.Alarm]
	if n == nil {
		n = &archivedAlarm{place: len(d.dict)}
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

// appendAges appends for each datapoint how many periods the next newer one is later; for the last, than the newest period.
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

// overlap returns how many of the oldest datapoints are gone, so that those that are left are the oldest ones now.
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

// digest is a hash of the events that explanations depend on, in any order; 0 if there are none.
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
