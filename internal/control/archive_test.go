package control

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
)

func TestOverlap(t *testing.T) {
	for _, x := range []struct {
		before, now []float64
		drop        int
	}{
		{nil, nil, 0},
		{nil, []float64{1, 2}, 0},
		{[]float64{1, 2, 3}, []float64{2, 3, 4}, 1},
		{[]float64{1, 2, 3}, []float64{1, 2, 3}, 0},
		{[]float64{1, 2, 3}, []float64{2, 3}, 1},
		{[]float64{1, 2, 3}, []float64{3, 3, 3, 3}, 2},
		{[]float64{1, 2, 3}, []float64{9, 2, 3}, 3},
		{[]float64{7, 7}, []float64{7, 7, 7}, 0},
		{[]float64{1}, nil, 1},
	} {
		if got := overlap(x.before, x.now); got != x.drop {
			t.Errorf("%v → %v drops %d, want %d", x.before, x.now, got, x.drop)
		}
	}
}

// written is a volume of some steps, as lines and as what they were.
func written(t testing.TB) (pages []log.Page, want []archiveLine) {
	t.Helper()
	var d archiver
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	if err := d.begin(context.Background(), engine.New(engine.Config{}), 0, at); err != nil {
		t.Fatal(err)
	}
	a := &alarm.Alarm{Name: "a"}
	b := &alarm.Alarm{Name: "b", State: alarm.OK, Reason: "all is well", Data: `{"x":1}`}
	turn := func() {
		p := d.page
		p.Lines = slices.Clone(p.Lines)
		pages = append(pages, p)
		d.turn(p.Last, p.Until)
	}
	reading := func(x *alarm.Alarm, moved bool) engine.Evaluated {
		return engine.Evaluated{Region: &engine.Region{Scope: scope}, Alarm: x, Moved: moved}
	}
	step := func(seq uint64, in engine.Input, text string, evaluated ...engine.Evaluated) {
		out := engine.Output{Evaluated: evaluated}
		if !engine.Measures(in) {
			out.Events = []engine.Event{engine.InstanceChanged{Report: hosting.InstanceReport{ID: "i"}}}
		}
		encoded, err := encodeEvents(out.Events)
		if err != nil {
			t.Fatal(err)
		}
		d.note(&Redecision{Seq: seq, At: at, in: in, text: []byte(text), out: out, encoded: encoded})
		l := archiveLine{at: at, in: in, sum: digest(encoded)}
		for _, x := range evaluated {
			r := x.Reading()
			r.Recent, r.Ages = slices.Clone(r.Recent), slices.Clone(r.Ages)
			l.readings = append(l.readings, r)
		}
		if !out.Quiet() {
			want = append(want, l)
		}
	}
	step(1, engine.Tick{}, "{}") // nothing came of it
	step(2, engine.DeleteModel{Name: "m"}, `{"Name":"m"}`)
	a.Recent, b.Recent = []float64{1, 2.5}, []float64{}
	at = at.Add(1500 * time.Millisecond)
	step(3, engine.Tick{}, "{}", reading(a, false), reading(b, true))
	turn()
	a.Recent, b.Recent = []float64{2.5, -1e300}, []float64{3}
	at = at.Add(time.Minute)
	step(4, engine.Tick{}, "{}", reading(b, false), reading(a, false))
	a.Recent, a.Ages = []float64{2.5, 4, 5}, []int{7, 2, 1} // with gaps, the newest period missing
	at = at.Add(time.Minute)
	step(5, engine.Tick{}, "{}", reading(b, false), reading(a, false))
	turn()
	return pages, want
}

// What is written is read again.
func TestArchiveIsReadAsItWasWritten(t *testing.T) {
	pages, want := written(t)
	var r archiveReader
	var got []archiveLine
	for _, p := range pages {
		r.page(p)
		for l, ok := r.line(); ok; l, ok = r.line() {
			got = append(got, l)
		}
	}
	if r.err != nil {
		t.Fatal(r.err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read\n%v\nwant\n%v", got, want)
	}
}

// Whatever a page has: it is read, or refused.
func FuzzArchive(f *testing.F) {
	pages, _ := written(f)
	for _, p := range pages {
		f.Add(p.Lines)
	}
	f.Fuzz(func(t *testing.T, lines []byte) {
		var r archiveReader
		r.page(log.Page{Lines: lines})
		n := 0
		for _, ok := r.line(); ok; _, ok = r.line() {
			if n++; n > len(lines) {
				t.Fatal("a page has more lines than bytes")
			}
		}
	})
}

// BenchmarkArchive notes a tick in which so many alarms were evaluated, and tells how many bytes an evaluation takes.
func BenchmarkArchive(b *testing.B) {
	for _, alarms := range []int{400, 200_000} {
		b.Run(fmt.Sprint(alarms), func(b *testing.B) {
			var d archiver
			at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
			if err := d.begin(context.Background(), engine.New(engine.Config{}), 0, at); err != nil {
				b.Fatal(err)
			}
			out := engine.Output{Evaluated: make([]engine.Evaluated, alarms)}
			for i := range out.Evaluated {
				out.Evaluated[i] = engine.Evaluated{Region: &engine.Region{Scope: scope}, Alarm: &alarm.Alarm{Name: fmt.Sprint("TargetTracking-endpoint/e", i), Recent: make([]float64, 15)}}
			}
			d.note(&Redecision{Seq: 1, At: at, in: engine.Tick{}, out: out})
			seq, bytes := uint64(1), 0
			b.ReportAllocs()
			for b.Loop() {
				seq++
				at = at.Add(time.Minute)
				for i := range out.Evaluated {
					copy(out.Evaluated[i].Alarm.Recent, out.Evaluated[i].Alarm.Recent[1:])
					out.Evaluated[i].Alarm.Recent[14] = float64(i) / 7 * float64(seq)
				}
				d.turn(seq, at)
				d.note(&Redecision{Seq: seq, At: at, in: engine.Tick{}, out: out})
				bytes += len(d.page.Lines)
			}
			b.ReportMetric(float64(bytes)/float64(alarms)/float64(b.N), "bytes/alarm")
		})
	}
}
