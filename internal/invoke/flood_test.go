package invoke

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
)

// A flood of requests for a variant at zero: as many wait as may, the others are refused with a time to try again, clients that go away
// leave the queue, one wake-up is asked for, and each request that waits on is served once the instance is there. Nothing is left behind.
func TestAFloodAtZero(t *testing.T) {
	const sent, most = 500, 60
	var woken, served, refused, left atomic.Int64
	g, url := start(t, Options{
		Queue: Queue{Max: most, Bytes: 64 << 20, ZeroMax: time.Minute, BusyMax: time.Minute},
		Wake:  func(engine.VariantKey, int) { woken.Add(1) },
	})
	g.Apply([]engine.Route{zero(true)})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: sent}}
	defer client.CloseIdleConnections()
	body, begun := strings.Repeat("x", 10<<10), time.Now()
	going, leave := context.WithCancel(t.Context())
	send := func(ctx context.Context) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/endpoints/chat/invocations", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		answer, err := client.Do(r)
		if err != nil {
			if left.Add(1); ctx.Err() == nil {
				t.Errorf("a request is lost: %v", err)
			}
			return
		}
		defer answer.Body.Close()
		got, err := io.ReadAll(answer.Body)
		switch {
		case err == nil && answer.StatusCode == http.StatusOK && string(got) == body:
			served.Add(1)
		case err == nil && answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") == "10":
			refused.Add(1)
		default:
			t.Errorf("%d %v %.100s %v", answer.StatusCode, answer.Header, got, err)
		}
	}
	var clients sync.WaitGroup
	for range most / 2 { // these go away while they wait
		clients.Go(func() { send(going) })
	}
	eventually(t, "the first wait", func() bool { return g.waiting() == most/2 })
	for range sent - most/2 {
		clients.Go(func() { send(t.Context()) })
	}
	eventually(t, "the queue is full and the others are refused", func() bool { return g.waiting() == most && refused.Load() == sent-most })
	if held := g.held.Load(); held < most*int64(len(body)) || held > most*(int64(len(body))+waiterBytes)*2 {
		t.Errorf("the requests that wait count as %d bytes", held)
	}
	leave()
	eventually(t, "the clients have left", func() bool { return g.waiting() == most/2 })
	g.Apply([]engine.Route{zero(true)}) // nothing changes
	if n, may := woken.Load(), 1+int64(time.Since(begun)/wakeEvery); n < 1 || n > may {
		t.Errorf("asked %d times to be woken, want at most %d", n, may)
	}
	g.Apply([]engine.Route{narrow(4, serve(t, echo))})
	clients.Wait()
	if served.Load() != most/2 || left.Load() != most/2 || refused.Load() != sent-most {
		t.Errorf("of %d requests %d were served, %d refused and %d left", sent, served.Load(), refused.Load(), left.Load())
	}
	eventually(t, "nothing is held", func() bool { return g.held.Load() == 0 && g.waiting() == 0 })
}
