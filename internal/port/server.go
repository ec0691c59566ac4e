package port

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/internal/socket"
)

// Handler answers a request into ctx.Response. The request's body is still on the wire: body reads it.
type Handler func(ctx *fasthttp.RequestCtx, body *Body)

// Options are what a server needs. Durations that are 0 have the defaults that are named.
type Options struct {
	Handle Handler

	// Refuse renders a refusal of the port's own into ctx.Response, and logs it. Of the request it has what could be read.
	Refuse func(ctx *fasthttp.RequestCtx, h Head, r *Refusal)

	Connections int     // at most, at once
	Memory      *Memory // of heads and bodies that are not yet verified
	Verified    *Memory // of bodies that are; nil: no bound

	HeadTimeout  time.Duration // for a head, from its first byte or, on a new connection, from the start; 30 s
	BodyTimeout  time.Duration // for a body; 2 minutes
	IdleTimeout  time.Duration // between requests; 3 minutes: SDKs keep connections for a minute
	StallTimeout time.Duration // for the next byte of a body to come, or to be taken by a client; 30 s

	Log *slog.Logger
}

const (
	// HeadMax is how many bytes the head of a request may have. AWS's session tokens have some thousand.
	HeadMax = 80 << 10

	// headersMax is how many header lines a request may have.
	headersMax = 512

	// headSmall is the buffer that nearly all heads fit into.
	headSmall = 4 << 10

	// backlogMax bounds the answers that wait for clients who do not read: beyond it a client gets one second instead of StallTimeout.
	backlogMax = 256 << 20
)

// Server serves connections. Its methods may be called by any number of goroutines.
type Server struct {
	o        Options
	room     room
	backlog  atomic.Int64 // bytes of answers that wait to be read
	stopping atomic.Bool
	rejected atomic.Uint64 // connections
	small    sync.Pool     // *bufio.Reader of headSmall
	writers  sync.Pool     // *bufio.Writer

	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	conns     sync.WaitGroup
}

// New makes a server.
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

// Connections returns how many connections are open, and how many were turned away since the start because there was no room.
func (s *Server) Connections() (open int, rejected uint64) { return s.room.len(), s.rejected.Load() }

// Pauses after an accept that failed. Net/http has the same.
const (
	pauseMin = 5 * time.Millisecond
	pauseMax = time.Second
)

// Serve accepts connections until Shutdown, and returns nil then. No error of accept ends it: descriptors may be short, and come back.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
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

// free closes some connections that wait, since descriptors are short.
func (s *Server) free() int {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.room.makeRoom(time.Now())
}

// welcome starts to serve a connection, or turns it away.
func (s *Server) welcome(nc net.Conn) {
	now := time.Now()
	c := newConn(s, socket.New(nc), now)
	s.mu.Lock()
	defer s.mu.Unlock() // no connection begins once Shutdown waits for them
	if s.stopping.Load() {
		_ = nc.Close() // nothing was said on it
		return
	}
	if !s.room.enter(c, now) {
		s.turnAway(c)
		return
	}
	s.conns.Go(c.serve)
}

// turnAway answers a connection for which there is no room. A fresh socket has room for the answer.
func (s *Server) turnAway(c *conn) {
	s.rejected.Add(1)
	s.o.Refuse(&c.ctx, Head{}, busy("This server has no room for another connection: %d are open and in use.", s.o.Connections))
	c.ctx.SetConnectionClose()
	c.writer()
	_ = c.SetWriteDeadline(time.Now().Add(pauseMin)) // a socket that cannot is closed at once below
	if c.ctx.Response.Write(c.bw) == nil {
		_ = c.bw.Flush() // a client that went away needs no answer
	}
	c.releaseBuffers()
	c.close() // nothing else is wanted of it
}

// Shutdown stops accepting, lets requests that are being served end, and returns when no connection is left. When ctx ends first it
// closes what is left and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping.Store(true)
	for _, l := range s.listeners {
		_ = l.Close() // nothing is lost with it
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.conns.Wait(); close(done) }()
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

// silent drops what fasthttp would log.
type silent struct{}

// Printf implements fasthttp.Logger.
func (silent) Printf(string, ...any) {}
