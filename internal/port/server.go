package port

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// Handler serves a request and writes to ctx.Response. The request's body has not been read yet: body reads it.
type Handler func(ctx *fasthttp.RequestCtx, body *Body)

// Options configures a Server. Durations of 0 have the stated defaults.
type Options struct {
	Handle Handler

	// Refuse renders a refusal of the port to ctx.Response and logs it. The head has the readable parts of the request.
	Refuse func(ctx *fasthttp.RequestCtx, h Head, r *Refusal)

	// TLS makes all connections TLS. nil: plain HTTP.
	TLS *tls.Config

	Connections int     // maximum number
	Memory      *Memory // of unverified heads and bodies
	Verified    *Memory // of verified bodies; nil: no limit

	HeadTimeout  time.Duration // for a head, from its first byte or, on a new connection, from the accept; default 30 s
	BodyTimeout  time.Duration // for a body; default 2 minutes
	IdleTimeout  time.Duration // between requests; default 3 minutes: SDKs keep connections for a minute
	StallTimeout time.Duration // for the next byte of a body to be received or sent; default 30 s

	Log *slog.Logger
}

const (
	// HeadMax is the maximum size of a request head in bytes. AWS's session tokens have some thousand.
	HeadMax = 80 << 10

	// headersMax is the maximum number of header lines of a request.
	headersMax = 512

	// headSmall is the default buffer size, sufficient for nearly all heads.
	headSmall = 4 << 10

	// backlogMax limits the bytes of responses that clients have not read: beyond it a client gets one second instead of StallTimeout.
	backlogMax = 256 << 20
)

// Server serves connections. Its methods may be called by any number of goroutines.
type Server struct {
	o        Options
	room     room
	backlog  atomic.Int64 // bytes of responses not yet read by clients
	stopping atomic.Bool
	rejected atomic.Uint64 // connections
	small    sync.Pool     // *bufio.Reader of headSmall
	writers  sync.Pool     // *bufio.Writer

	accepting sync.WaitGroup // calls of Serve
	conns     sync.WaitGroup // none is added once accepting is done

	mu        sync.Mutex // guards what follows
	listeners []net.Listener
}

// New returns a server.
func New(o Options) *Server {
	o.HeadTimeout = cmp.Or(o.HeadTimeout, 30*time.Second)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, 2*time.Minute)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 3*time.Minute)
	o.StallTimeout = cmp.Or(o.StallTimeout, 30*time.Second)
	s := &Server{o: o, room: room{max: o.Connections, conns: map[*conn]struct{}{}}}
	s.small.New = func() any { return bufio.NewReaderSize(nil, headSmall) }
	s.writers.New = func() any { return bufio.NewWriterSize(nil, headSmall) }
	return s
}

// Connections returns the number of open connections, and of those refused since the start because of the limit.
func (s *Server) Connections() (open int, rejected uint64) { return s.room.len(), s.rejected.Load() }

// Delays after a failed accept, as in net/http.
const (
	pauseMin = 5 * time.Millisecond
	pauseMax = time.Second
)

// Serve accepts connections until Shutdown and then returns nil. Errors of accept do not end it, since descriptors may become available.
func (s *Server) Serve(l net.Listener) error {
	if !s.listen(l) {
		return l.Close()
	}
	defer s.accepting.Done()
	var pause time.Duration
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.welcome(nc)
			continue
		case s.stopping.Load() || errors.Is(err, net.ErrClosed):
			return nil
		}
		pause = min(max(2*pause, pauseMin), pauseMax)
		freed := s.free()
		s.o.Log.Warn("a connection could not be accepted", "error", err, "again_in", pause, "closed_to_make_room", freed)
		time.Sleep(pause)
	}
}

// listen adds a listener; false after Shutdown.
func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return false
	}
	s.listeners = append(s.listeners, l)
	s.accepting.Add(1)
	return true
}

// free closes some idle connections, since descriptors are exhausted.
func (s *Server) free() int {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.room.makeRoom(time.Now())
}

// welcome starts to serve a connection, or refuses it. One that was accepted before Shutdown is served: its request may be on its way.
func (s *Server) welcome(nc net.Conn) {
	now := time.Now()
	c := s.newConn(nc, now)
	if !s.room.enter(c, now) {
		s.turnAway(c)
		return
	}
	s.conns.Go(c.serve)
}

// turnAway refuses a connection beyond the limit. The buffer of a new socket has space for the response.
func (s *Server) turnAway(c *conn) {
	s.rejected.Add(1)
	if c.tls != nil {
		c.abort() // a handshake takes longer than a refusal is worth
		c.close()
		return
	}
	s.o.Refuse(&c.ctx, Head{}, busy("This server has no room for another connection: %d are open and in use.", s.o.Connections))
	c.ctx.SetConnectionClose()
	c.writer()
	_ = c.SetWriteDeadline(time.Now().Add(pauseMin)) // if it fails, the socket is closed below
	if c.ctx.Response.Write(c.bw) == nil {
		_ = c.bw.Flush() // the client may have disconnected
	}
	c.releaseBuffers()
	c.close() // it is not used any more
}

// Shutdown stops accepting, waits for requests in progress, and returns when no connection is open. If ctx ends first, it
// closes the remaining connections and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping.Store(true)
	for _, l := range s.listeners {
		_ = l.Close() // its error is not relevant
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.accepting.Wait(); s.conns.Wait(); close(done) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s.room.closeIdle()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			s.room.closeAll()
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// silent discards fasthttp's log.
type silent struct{}

// Printf implements fasthttp.Logger.
func (silent) Printf(string, ...any) {}
