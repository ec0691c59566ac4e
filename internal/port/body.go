package port

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Body is a request's body that has not been read yet. The first read sends 100 Continue if the client waits for it. It is valid as long as
// its request; its errors other than io.EOF are *Refusal.
type Body struct {
	c       *conn
	length  int64 // Content-Length; -1: chunked
	left    int64 // of length
	read    int64
	chunks  io.Reader // nil: not chunked
	expects bool      // the client waits for 100 Continue
	ended   bool
	failed  bool      // the start of the next request on the connection is unknown
	until   time.Time // deadline for the whole body; zero until the first wait
	held    int64     // bytes charged to the Memory of verified or unverified requests
	known   bool      // the request is verified
	buffer  *[]byte   // filled by Collect
	class   int       // of buffer
	sum     hash.Hash
	hashed  bool
}

// bodyKey is the key of a body in a context.
type bodyKey struct{}

// BodyOf returns the body of a request served by a Server, else nil.
func BodyOf(ctx *fasthttp.RequestCtx) *Body {
	b, _ := ctx.UserValue(bodyKey{}).(*Body)
	return b
}

// begin prepares the body for a request.
func (b *Body) begin(h *fasthttp.RequestHeader, expects bool) {
	*b = Body{c: b.c, sum: b.sum, length: int64(h.ContentLength())}
	switch {
	case b.length == -1:
		b.chunks = httputil.NewChunkedReader(b.c.br)
	case b.length <= 0: // -2: none
		b.length, b.ended = 0, true
	}
	b.left = b.length
	b.expects = expects && !b.ended && h.IsHTTP11()
}

// Len returns the length announced in the head, -1 if there is none.
func (b *Body) Len() int64 { return b.length }

// Verified marks the request as authenticated: from now on its body is charged to Options.Verified, and its connection is not closed to make
// room. It returns *Refusal if authenticated requests use all of that memory; the request must then be refused.
func (b *Body) Verified() error {
	c := b.c
	c.phase.CompareAndSwap(phaseReading, phaseWorking) // if it fails, the connection has been closed
	if !c.trusted.Load() {
		c.trusted.Store(true)
	}
	if b.known {
		return nil
	}
	held := b.held
	b.unload()
	b.known = true
	if !b.charge(held) {
		return b.crowded()
	}
	return nil
}

// unload releases the memory charged to the body.
func (b *Body) unload() {
	if b.held > 0 {
		b.memory().give(b.held)
		b.held = 0
	}
}

// memory returns the Memory that the body is charged to.
func (b *Body) memory() *Memory {
	if b.known {
		return b.c.s.o.Verified
	}
	return b.c.s.o.Memory
}

// free is the part of each body that is not charged, since the buffers of a connection have this size anyway.
const free = 8 << 10

// Read implements io.Reader. The bytes read are charged until the end of the request.
func (b *Body) Read(p []byte) (int, error) {
	n, err := b.next(p)
	if n > 0 && b.read > free {
		if !b.charge(int64(n)) {
			return 0, b.fail(b.crowded())
		}
	}
	return n, err
}

// Close implements io.Closer. The connection drains the rest.
func (b *Body) Close() error { return nil }

// crowded returns the refusal of a body for which there is no memory.
func (b *Body) crowded() *Refusal {
	if b.known {
		return busy("The bodies of requests in progress hold all the memory that they may (bodies_max). Try again.")
	}
	return busy("Too many request bodies that are not yet verified are being read. Try again.")
}

// charge charges n bytes to the body; false if the limit is reached.
func (b *Body) charge(n int64) bool {
	if !b.memory().take(n) {
		return false
	}
	b.held += n
	return true
}

// next reads some bytes.
func (b *Body) next(p []byte) (int, error) {
	if b.failed {
		return 0, incomplete()
	}
	if b.ended {
		return 0, io.EOF
	}
	if b.expects {
		b.expects = false
		if _, err := b.c.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return 0, b.fail(incomplete())
		}
	}
	b.setDeadline()
	if b.chunks != nil {
		return b.chunk(p)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.c.br.Read(p)
	b.read += int64(n)
	if b.left -= int64(n); b.left == 0 {
		b.ended = true
		return n, nil
	}
	if err != nil {
		return n, b.fail(broken(err))
	}
	return n, nil
}

func (b *Body) chunk(p []byte) (int, error) {
	n, err := b.chunks.Read(p)
	b.read += int64(n)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		if err := b.c.ctx.Request.Header.ReadTrailer(b.c.br); err != nil && !errors.Is(err, io.EOF) {
			return n, b.fail(badChunks(err))
		}
		b.ended = true
		return n, io.EOF
	default:
		return n, b.fail(badChunks(err))
	}
}

// setDeadline sets the deadline for the next bytes if they are not buffered.
func (b *Body) setDeadline() {
	if b.c.br.Buffered() > 0 && b.chunks == nil {
		return
	}
	now := time.Now()
	if b.until.IsZero() {
		b.until = now.Add(b.c.s.o.BodyTimeout)
	}
	stall := b.c.s.o.StallTimeout
	if t := now.Add(stall); t.Before(b.until) {
		if b.c.readUntil.Before(now.Add(stall/2)) || b.c.readUntil.After(t) {
			b.c.readBefore(t)
		}
	} else if !b.c.readUntil.Equal(b.until) {
		b.c.readBefore(b.until)
	}
}

func (b *Body) fail(r *Refusal) error {
	b.failed = true
	return r
}

func broken(err error) *Refusal {
	if timedOut(err) {
		return late("its body")
	}
	return incomplete()
}

func badChunks(err error) *Refusal {
	if timedOut(err) {
		return late("its body")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return incomplete()
	}
	return malformed("The request body's chunks are not well-formed.")
}

// Sizes of the buffers of bodies, which are pooled.
var sizes = [...]int{free, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20, 32 << 20, 64 << 20, 128 << 20, 256 << 20}

var buffers [len(sizes)]sync.Pool // of *[]byte

func buffer(class int) *[]byte {
	if p, ok := buffers[class].Get().(*[]byte); ok {
		return p
	}
	b := make([]byte, sizes[class])
	return &b
}

// Collect reads the whole body of at most limit bytes and returns it with its SHA-256. The bytes are valid as long as the request. It
// returns *Refusal on failure.
func (b *Body) Collect(limit int) (all []byte, sum [32]byte, err error) {
	return b.collect(limit, true)
}

// CollectPlain is Collect without the SHA-256.
func (b *Body) CollectPlain(limit int) (all []byte, err error) {
	all, _, err = b.collect(limit, false)
	return all, err
}

func (b *Body) collect(limit int, summed bool) (all []byte, sum [32]byte, err error) {
	if b.length > int64(limit) {
		return nil, sum, TooLarge(limit)
	}
	if b.ended { // there is none
		return nil, sha256.Sum256(nil), nil
	}
	class, n := 0, 0
	p := buffer(class)
	defer func() { b.buffer, b.class = p, class }()
	for {
		if n == len(*p) { // the buffer is full: it may grow
			if class++; class == len(sizes) || !b.charge(int64(sizes[class])) {
				class--
				return nil, sum, b.fail(b.crowded())
			}
			larger := buffer(class)
			copy(*larger, (*p)[:n])
			buffers[class-1].Put(p)
			b.refund(class - 1)
			p = larger
		}
		m, err := b.next((*p)[n:])
		if summed {
			b.hash((*p)[n:n+m], b.ended && n == 0)
		}
		if n += m; n > limit {
			return nil, sum, b.fail(TooLarge(limit))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, sum, err
		}
		if b.ended {
			if summed {
				sum = b.digest((*p)[:n])
			}
			return (*p)[:n], sum, nil
		}
	}
}

// refund releases the charge of a buffer that has been replaced by a larger one.
func (b *Body) refund(class int) {
	if class > 0 {
		b.memory().give(int64(sizes[class]))
		b.held -= int64(sizes[class])
	}
}

// hash adds bytes to the sum as they arrive. A body that arrives in one piece is hashed at once.
func (b *Body) hash(p []byte, whole bool) {
	if whole {
		return
	}
	if !b.hashed {
		if b.hashed = true; b.sum == nil {
			b.sum = sha256.New()
		}
		b.sum.Reset()
	}
	b.sum.Write(p) // a hash does not fail
}

func (b *Body) digest(all []byte) (sum [32]byte) {
	if !b.hashed {
		return sha256.Sum256(all)
	}
	b.sum.Sum(sum[:0])
	return sum
}

// done reports whether the whole body has been read from the connection.
func (b *Body) done() bool { return b.ended && !b.failed }

// drainMax is the maximum size of an unread body that is read and discarded in order to keep the connection.
const drainMax = 64 << 10

// drain reads and discards the rest of the body; false if it is too large or the client was never asked for it.
func (b *Body) drain() bool {
	if b.ended {
		return !b.failed
	}
	if b.expects || b.failed || b.left > drainMax || b.chunks != nil {
		return false
	}
	var scratch [4 << 10]byte
	for !b.ended {
		if _, err := b.next(scratch[:]); err != nil {
			return false
		}
	}
	return true
}

// release releases the resources of the body.
func (b *Body) release() {
	b.unload()
	if b.buffer != nil {
		buffers[b.class].Put(b.buffer)
		b.buffer = nil
	}
}
