package notify

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
)

// box is an outbox in memory.
type box struct {
	mu    sync.Mutex
	all   []boxed
	added int64
}

type boxed struct {
	id int64
	e  engine.AlarmNotifies
}

func filled(events ...engine.AlarmNotifies) *box {
	b := &box{}
	for i, e := range events {
		b.all = append(b.all, boxed{int64(i + 1), e})
	}
	return b
}

func (b *box) Topics(context.Context) (map[string]int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int{}
	for _, x := range b.all {
		out[x.e.Action.ARN]++
	}
	return out, nil
}

func (b *box) Waiting(ctx context.Context, topic string) (int, error) {
	topics, err := b.Topics(ctx)
	return topics[topic], err
}

func (b *box) First(_ context.Context, topic string) (int64, engine.AlarmNotifies, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range b.all {
		if x.e.Action.ARN == topic {
			return x.id, x.e, true, nil
		}
	}
	return 0, engine.AlarmNotifies{}, false, nil
}

func (b *box) Remove(_ context.Context, id int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = slices.DeleteFunc(b.all, func(x boxed) bool { return x.id == id })
	return nil
}

func (b *box) add(e engine.AlarmNotifies) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.added++
	b.all = append(b.all, boxed{1_000_000 + b.added, e})
}

func (b *box) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.all)
}

// A webhook that hangs delays its own topic alone. What it has not taken stays in the outbox, and the next server sends it.
func TestAHangingWebhookDelaysNoOther(t *testing.T) {
	hang := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(hang)
	fast := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer fast.Close()
	b := filled(event("slow"), event("slow"), event("fast"), event("fast"), event("fast"))
	recorded := make(chan engine.Notified, 10)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	n := New(Options{
		Outbox: b, Log: slog.New(slog.DiscardHandler), Done: func(_ context.Context, x engine.Notified) { recorded <- x },
		URL: func(topic string) (string, bool) {
			return map[string]string{"slow": slow.URL, "fast": fast.URL}[topic], true
		},
	})
	ended := make(chan struct{})
	go func() { defer close(ended); n.Run(ctx) }()
	for range 3 {
		select {
		case x := <-recorded:
			if x.Action.ARN != "fast" || x.Error != "" {
				t.Errorf("reported %+v", x)
			}
		case <-ctx.Done():
			t.Fatal("the hanging webhook delays another topic")
		}
	}
	for b.len() > 2 && ctx.Err() == nil {
		n.Wake()
	}
	stop()
	<-ended
	if topics, _ := b.Topics(t.Context()); topics["slow"] != 2 || topics["fast"] != 0 {
		t.Errorf("the outbox has %v", topics)
	}
	again := make(chan struct{}, 10)
	next, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	n = New(Options{
		Outbox: b, Log: slog.New(slog.DiscardHandler), Done: func(context.Context, engine.Notified) { again <- struct{}{} },
		URL: func(string) (string, bool) { return fast.URL, true },
	})
	ended = make(chan struct{})
	go func() { defer close(ended); n.Run(next) }()
	<-again
	<-again
	end()
	<-ended
}

// A topic's messages beyond a bound are given up, the oldest first, and only its own; also those that came while another one was being sent.
func TestATopicHasABound(t *testing.T) {
	const more = 5
	named := func(topic string, i int) engine.AlarmNotifies {
		e := event(topic)
		e.Alarm.Name = strconv.Itoa(i)
		return e
	}
	b := filled(named("small", 0))
	for i := range queueMax + more {
		b.add(named("large", i))
	}
	late := false
	given := map[string][]string{}
	sent := map[string]int{}
	var mu sync.Mutex
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	n := New(Options{
		Outbox: b, Log: slog.New(slog.DiscardHandler),
		URL: func(topic string) (string, bool) { // the attempt to send; it fails at once
			mu.Lock()
			defer mu.Unlock()
			if sent[topic]++; topic == "large" && !late {
				late = true
				for i := range more {
					b.add(named("large", queueMax+more+i))
				}
			}
			return "", false
		},
		Done: func(_ context.Context, x engine.Notified) {
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(x.Error, "more than 1000 messages of the topic wait") {
				given[x.Action.ARN] = append(given[x.Action.ARN], x.Alarm)
			}
		},
	})
	ended := make(chan struct{})
	go func() { defer close(ended); n.Run(ctx) }()
	for b.len() > 0 && ctx.Err() == nil {
		n.Wake()
		runtime.Gosched()
	}
	stop()
	<-ended
	// The first five, then one is tried; while it is, five more come, of which one takes its place.
	want := []string{"0", "1", "2", "3", "4", "6", "7", "8", "9"}
	if !slices.Equal(given["large"], want) || len(given["small"]) > 0 {
		t.Errorf("given up: %v, want %v of the large topic", given, want)
	}
	if sent["large"] != queueMax+2*more-len(want) || sent["small"] != 1 {
		t.Errorf("tried: %v", sent)
	}
}

// Redirects are not followed; an answer of that kind is a failure.
func TestRedirectsAreNotFollowed(t *testing.T) {
	reached := make(chan struct{}, 10)
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	defer target.Close()
	from := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	defer from.Close()
	out := run(t, func(string) (string, bool) { return from.URL, true }, event("ops"))
	if len(out) != 1 || !strings.Contains(out[0].Error, "it answered 307") || len(reached) > 0 {
		t.Errorf("%+v; the target was called %d times", out, len(reached))
	}
}

func TestForbiddenAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"169.254.169.254": true, "169.254.170.2": true, "::ffff:169.254.169.254": true, "fe80::1%eth0": true, "fd00:ec2::254": true,
		"100.100.100.200": true, "64:ff9b::a9fe:a9fe": true, "::a9fe:a9fe": true, "0.0.0.0": true, "::": true,
		"127.0.0.1": false, "::1": false, "10.0.0.1": false, "192.168.1.1": false, "fd00::1": false, "203.0.113.1": false, "2001:db8::1": false,
	} {
		if got := forbidden(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: forbidden is %v, want %v", text, got, want)
		}
	}
}

// A metadata service is refused at dial time, at once and without a second try, unless it is allowed.
func TestMetadataServiceIsRefused(t *testing.T) {
	out := run(t, func(string) (string, bool) { return "http://[::ffff:169.254.169.254]:80/latest", true }, event("ops"))
	if len(out) != 1 || !strings.Contains(out[0].Error, "webhook_allow") || strings.Contains(out[0].Error, "tries") {
		t.Errorf("%+v", out)
	}
	asked := false
	c := NewClient(func(a netip.Addr) bool {
		asked = a == netip.MustParseAddr("169.254.169.254")
		return false
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://169.254.169.254/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(req); !errors.Is(err, errForbidden) || !asked {
		t.Errorf("%v; the exception was asked for: %v", err, asked)
	}
}
