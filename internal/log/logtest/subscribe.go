package logtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"bellows.dev/bellows/internal/log"
)

// soon is how long an entry may take to a subscriber, from its commit on.
const soon = 50 * time.Millisecond

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// subscriber collects what a subscription delivers.
type subscriber struct {
	cancel context.CancelFunc
	ended  chan error

	mu      sync.Mutex
	got     []log.Entry
	at      []time.Time
	changed chan struct{} // closed at the next entry
}

// subscribe subscribes until the test ends; hold, which may be nil, is called for each entry before it counts.
func subscribe(t *testing.T, s log.Store, after uint64, hold func(log.Entry)) *subscriber {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	x := &subscriber{cancel: cancel, ended: make(chan error, 1), changed: make(chan struct{})}
	go func() {
		x.ended <- s.Subscribe(ctx, after, func(e log.Entry) error {
			if hold != nil {
				hold(e)
			}
			x.mu.Lock()
			defer x.mu.Unlock()
			x.got, x.at = append(x.got, e), append(x.at, time.Now())
			close(x.changed)
			x.changed = make(chan struct{})
			return nil
		})
	}()
	return x
}

// until waits until so many entries have come, and returns them.
func (x *subscriber) until(t *testing.T, n int) ([]log.Entry, []time.Time) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		x.mu.Lock()
		got, at, changed := x.got, x.at, x.changed
		x.mu.Unlock()
		if len(got) >= n {
			return got, at
		}
		select {
		case <-changed:
		case err := <-x.ended:
			t.Fatalf("the subscription ended after %d entries: %v", len(got), err)
		case <-deadline.C:
			t.Fatalf("%d entries came, want %d", len(got), n)
		}
	}
}

// end ends the subscription, which must say why.
func (x *subscriber) end(t *testing.T) {
	t.Helper()
	x.cancel()
	if err := <-x.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a subscription ends with %v", err)
	}
}

// subscription: some subscribe before an entry is there, some amid, while appends go on; none misses or repeats one.
func subscription(t *testing.T, open Open) {
	s, epoch := lead(t, open)
	const last = 300
	all := []*subscriber{subscribe(t, s, 0, nil)}
	from := []uint64{0}
	for seq := uint64(1); seq <= last; seq++ {
		fill(t, s, epoch, seq, seq)
		if seq%60 == 0 {
			for _, after := range []uint64{0, seq - 30, seq} {
				all, from = append(all, subscribe(t, s, after, nil)), append(from, after)
			}
		}
	}
	for i, x := range all {
		got, _ := x.until(t, last-int(from[i]))
		expect(t, got, from[i]+1, last)
		x.end(t)
	}
	later := subscribe(t, s, last+2, nil) // from a number that does not exist yet
	fill(t, s, epoch, last+1, last+4)
	got, _ := later.until(t, 2)
	expect(t, got, last+3, last+4)
	later.end(t)
}

// latency: a machine that is busy with other things gets some attempts.
func latency(t *testing.T, open Open) {
	s, epoch := lead(t, open)
	x := subscribe(t, s, 0, nil)
	defer x.end(t)
	const attempts, each = 5, 20
	var slowest time.Duration
	for attempt := range attempts {
		slowest = 0
		for i := range each {
			seq := uint64(attempt*each + i + 1)
			fill(t, s, epoch, seq, seq)
			committed := time.Now()
			_, at := x.until(t, int(seq))
			slowest = max(slowest, at[seq-1].Sub(committed))
		}
		if slowest <= soon {
			return
		}
	}
	t.Errorf("an entry takes %v to its subscriber, want at most %v", slowest, soon)
}

func slowSubscriber(t *testing.T, open Open) {
	s, epoch := lead(t, open)
	release := make(chan struct{})
	var once sync.Once
	free := func() { once.Do(func() { close(release) }) }
	defer free()
	slow := subscribe(t, s, 0, func(log.Entry) { <-release })
	quick := subscribe(t, s, 0, nil)
	const last = 600
	data := make([]byte, 16<<10) // more than is kept in memory
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	for seq := uint64(1); seq <= last; seq++ { // appends go on, and so does another subscriber
		e := entry(seq)
		e.Data = data
		if err := s.Append(t.Context(), log.Batch{Epoch: epoch, Entries: []log.Entry{e}}); err != nil {
			t.Fatal(err)
		}
	}
	quick.until(t, last)
	free()
	got, _ := slow.until(t, last)
	for i, e := range got {
		if e.Seq != uint64(i)+1 || len(e.Data) != len(data) {
			t.Fatalf("entry %d of the slow subscriber is %d", i, e.Seq)
		}
	}
	quick.end(t)
	slow.end(t)
}

// slowSubscribers: more subscribers than storage has connections hold an entry that they read from storage, and others read on.
func slowSubscribers(t *testing.T, open Open) {
	s := open(t, "log")
	epoch, err := s.Lead(t.Context(), log.Start{At: noon, After: noon})
	if err != nil {
		t.Fatal(err)
	}
	const last = 20
	fill(t, s, epoch, 1, last)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, "log") // which has nothing in memory
	defer s.Close()    //nolint:errcheck // it is only read
	release, holds := make(chan struct{}), make(chan struct{})
	var slow []*subscriber
	for range 12 {
		var once sync.Once
		slow = append(slow, subscribe(t, s, 0, func(log.Entry) {
			once.Do(func() { holds <- struct{}{} })
			<-release
		}))
		defer slow[len(slow)-1].cancel()
	}
	deadline := time.After(patience)
	for n := range slow {
		select {
		case <-holds:
		case <-deadline:
			close(release)
			t.Fatalf("%d subscribers have an entry, want %d", n, len(slow))
		}
	}
	expect(t, read(t, s, 0), 1, last)
	quick := subscribe(t, s, 0, nil)
	quick.until(t, last)
	quick.end(t)
	close(release)
	for _, x := range slow {
		x.until(t, last)
		x.end(t)
	}
}

// trimmed: entries covered by snapshots are dropped; a subscriber that needs them learns where the journal begins and continues from there.
func trimmed(t *testing.T, open Open) {
	s := open(t, "log")
	epoch, err := s.Lead(t.Context(), log.Start{At: noon, After: noon})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, epoch, 1, 9)
	for _, seq := range []uint64{6, 8} {
		shot := log.Snapshot{Seq: seq, At: noon, State: text("state")}
		if err := s.SaveSnapshot(t.Context(), shot, log.Page{First: 1}, log.Keep{Journal: noon.Add(time.Hour), ArchiveMax: 1 << 20}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil { // what it has in memory may reach further back
		t.Fatal(err)
	}
	s = open(t, "log")
	defer s.Close() //nolint:errcheck // it is only read
	for name, follow := range map[string]func(context.Context, uint64, func(log.Entry) error) error{"Read": s.Read, "Subscribe": s.Subscribe} {
		var gap *log.TrimmedError
		err := follow(t.Context(), 2, func(log.Entry) error { return errors.New("an entry came") })
		if !errors.As(err, &gap) || gap.First != 7 || gap.After != 2 {
			t.Errorf("%s of what is gone: %v", name, err)
		}
	}
	x := subscribe(t, s, 6, nil)
	got, _ := x.until(t, 3)
	expect(t, got, 7, 9)
	x.end(t)
}

func subscriptionsEnd(t *testing.T, open Open) {
	s, epoch := lead(t, open)
	fill(t, s, epoch, 1, 3)
	stop := errors.New("stop")
	if err := s.Subscribe(t.Context(), 0, func(log.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a subscriber that stops: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := s.Subscribe(ctx, 0, func(log.Entry) error {
		if n++; n == 2 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n != 2 {
		t.Errorf("a subscriber whose context ends gets %d entries, then %v", n, err)
	}
	waiting := subscribe(t, s, 3, nil)
	waiting.end(t)
}
