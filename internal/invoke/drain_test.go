package invoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// mortal is an instance that cries when it is asked after its death.
type mortal struct {
	id       hosting.CopyID
	address  string
	listener net.Listener
	served   chan struct{}
	dead     atomic.Bool
	late     *atomic.Int64
	seen     *atomic.Int64
}

func (m *mortal) handle(ctx *fasthttp.RequestCtx) {
	if m.dead.Load() {
		m.late.Add(1)
	}
	m.seen.Add(1)
	ctx.SetBody(ctx.PostBody())
	if m.dead.Load() {
		m.late.Add(1)
	}
}

func birth(t *testing.T, n int, late, seen *atomic.Int64) *mortal {
	l := listen(t)
	m := &mortal{
		id: hosting.CopyID(fmt.Sprintf("i-%d", n)), address: l.Addr().String(), listener: l, served: make(chan struct{}), late: late, seen: seen,
	}
	s := &fasthttp.Server{Handler: m.handle, Logger: silent{}}
	go func() { defer close(m.served); _ = s.Serve(l) }()
	return m
}

func (m *mortal) die() {
	m.dead.Store(true)
	m.listener.Close()
	<-m.served
}

// Instances come and go under load: each is taken from the routes, drained, and only then stopped. No invocation fails, none
// is sent twice, and none reaches an instance after it was drained.
func TestNoInvocationIsLostWhileInstancesComeAndGo(t *testing.T) {
	var late, seen, answered atomic.Int64
	g, url := start(t, Options{})
	living := []*mortal{birth(t, 0, &late, &seen), birth(t, 1, &late, &seen)}
	apply := func() {
		r := blue()
		for _, m := range living {
			r.Variants[0].Fleets[0].Copies = append(r.Variants[0].Fleets[0].Copies, engine.CopyRoute{ID: m.id, Instance: hosting.InstanceID(m.id), Address: m.address})
		}
		g.Apply([]engine.Route{r})
	}
	apply()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	client := fasthttp.HostClient{Addr: url[len("http://"):], MaxConns: 128, MaxIdemponentCallAttempts: 1}
	for worker := range 64 {
		clients.Go(func() {
			var q fasthttp.Request
			var r fasthttp.Response
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				body := fmt.Appendf(nil, "%d-%d", worker, n)
				q.SetRequestURI(url + "/endpoints/chat/invocations")
				q.Header.SetMethod("POST")
				q.SetBody(body)
				if err := client.Do(&q, &r); err != nil || r.StatusCode() != 200 || !bytes.Equal(r.Body(), body) {
					t.Errorf("invocation %s: %v, %d %s", body, err, r.StatusCode(), r.Body())
					return
				}
				answered.Add(1)
			}
		})
	}
	for n := 2; n < 60; n++ {
		before := answered.Load()
		eventually(t, "100 more invocations", func() bool { return answered.Load() >= before+100 || t.Failed() })
		living = append(living, birth(t, n, &late, &seen))
		old := living[0]
		living = living[1:]
		apply()
		if err := g.Drain(t.Context(), old.id); err != nil {
			t.Fatal(err)
		}
		old.die()
	}
	close(stop)
	clients.Wait()
	for _, m := range living {
		m.die()
	}
	if late.Load() != 0 || seen.Load() != answered.Load() {
		t.Errorf("%d of %d invocations were late, %d were answered", late.Load(), seen.Load(), answered.Load())
	}
	t.Logf("%d invocations, 58 instances drained", answered.Load())
	total := 0.0
	for _, o := range g.Flush() {
		total += o.Invocations
	}
	if total != float64(answered.Load()) {
		t.Errorf("counted %v of %d invocations", total, answered.Load())
	}
}

// The protocol alone, without sockets: many more picks race with many more flips.
func TestDrainedInstancesAreNeverUsed(t *testing.T) {
	g := New(Options{})
	flags := make([]atomic.Bool, 3000)
	index := map[hosting.CopyID]int{}
	for n := range flags {
		index[hosting.CopyID(fmt.Sprintf("i-%d", n))] = n
	}
	apply := func(n int) {
		r := blue()
		r.Variants[0].Fleets[0].Copies = []engine.CopyRoute{{ID: hosting.CopyID(fmt.Sprintf("i-%d", n)), Address: "127.0.0.1:1"}}
		g.Apply([]engine.Route{r})
	}
	apply(0)
	stop := make(chan struct{})
	var pickers sync.WaitGroup
	for range 4 {
		pickers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				q := request{scope: scope, endpoint: []byte("chat")}
				if _, f := g.pick(&q, nil); f != nil {
					t.Errorf("no instance: %s", f.Message)
					return
				}
				if flags[index[q.copy.id]].Load() {
					t.Errorf("instance %s was picked after it was drained", q.copy.id)
				}
				q.copy.release()
			}
		})
	}
	for n := 1; n < len(flags); n++ {
		apply(n)
		if err := g.Drain(t.Context(), hosting.CopyID(fmt.Sprintf("i-%d", n-1))); err != nil {
			t.Error(err)
		}
		flags[n-1].Store(true)
	}
	close(stop)
	pickers.Wait()
	if len(g.copies) > 2 {
		t.Errorf("%d instances are remembered", len(g.copies))
	}
}

func TestDrainEndsWithItsContext(t *testing.T) {
	g := New(Options{})
	g.Apply([]engine.Route{blue("127.0.0.1:1")})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := g.Drain(ctx, "i-0"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
