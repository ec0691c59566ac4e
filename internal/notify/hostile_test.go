package notify

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
)

// sendTo sends one message to a URL with a client of short patience, and returns what came of it.
func sendTo(t *testing.T, to string) engine.Notified {
	t.Helper()
	client := NewClient(nil)
	client.Timeout = 300 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	var out []engine.Notified
	n := New(Options{
		Outbox: filled(event("ops")), Client: client, FirstWait: time.Millisecond, Log: slog.New(slog.DiscardHandler),
		URL: func(string) (string, bool) { return to, true },
		Done: func(_ context.Context, x engine.Notified) {
			mu.Lock()
			out = append(out, x)
			mu.Unlock()
			cancel()
		},
	})
	n.Run(ctx)
	if len(out) != 1 {
		t.Fatalf("reported %+v", out)
	}
	return out[0]
}

// A receiver's answer is its status: however long its body is, and however slowly it comes, the message is delivered once, and little of
// the body is read.
func TestAnswersWithoutEnd(t *testing.T) {
	for name, pause := range map[string]time.Duration{"fast": 0, "slow": 10 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			var wrote atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				piece := []byte(strings.Repeat("x", 1024))
				for r.Context().Err() == nil {
					n, err := w.Write(piece)
					if err != nil {
						return
					}
					wrote.Add(int64(n))
					w.(http.Flusher).Flush()
					if pause > 0 {
						select {
						case <-r.Context().Done():
						case <-time.After(pause):
						}
					}
				}
			}))
			defer server.Close()
			if x := sendTo(t, server.URL); x.Error != "" || calls.Load() != 1 {
				t.Errorf("%+v after %d calls", x, calls.Load())
			}
			if n := wrote.Load(); n > 16<<20 { // what the sockets' buffers take, and a little
				t.Errorf("%d bytes of the answer were taken", n)
			}
		})
	}
}

// Receivers that never answer, answer with endless heads, or with what is no HTTP, are given up after five tries.
func TestReceiversThatDoNotAnswer(t *testing.T) {
	for name, serve := range map[string]http.HandlerFunc{
		"silent": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then a server notices that its client is gone
			<-r.Context().Done()
		},
		"large head": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 100 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 4096))
			}
		},
		"no HTTP": func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("SSH-2.0-OpenSSH\r\n")) // who reads it gives up
			_ = c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				serve(w, r)
			}))
			defer server.Close()
			if x := sendTo(t, server.URL); !strings.HasPrefix(x.Error, "after 5 tries: ") || calls.Load() != tries {
				t.Errorf("%+v after %d calls", x, calls.Load())
			}
		})
	}
}

// A webhook's URL may be a secret: the error of a delivery, which the alarm history records, does not contain it.
func TestURLsAreNotInErrors(t *testing.T) {
	for _, to := range []string{"http://127.0.0.1:1/services/T0KEN?key=T0KEN", "http://user:T0KEN@127.0.0.1:1/", "http://[T0KEN/", "gopher://T0KEN/"} {
		if x := sendTo(t, to); x.Error == "" || strings.Contains(strings.ToUpper(x.Error), "T0KEN") {
			t.Errorf("%s: %q", to, x.Error)
		}
	}
}
