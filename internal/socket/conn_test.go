//go:build linux

package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// pair returns both ends of a TCP connection; the first is wrapped.
func pair(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var d net.Dialer
	own, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close(); peer.Close() })
	c := New(own)
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c, peer
}

func TestReadAndWrite(t *testing.T) {
	for _, size := range []int{1, 1 << 10, large, large + 1, 4 << 20} {
		c, peer := pair(t)
		sent := bytes.Repeat([]byte("abc"), size/3+1)[:size]
		go func() { // ends when the peer is closed, at the latest
			_, _ = io.Copy(peer, peer)
		}()
		wrote := make(chan error, 1)
		go func() {
			n, err := c.Write(sent)
			if err == nil && n != size {
				err = io.ErrShortWrite
			}
			wrote <- err
		}()
		got := make([]byte, size)
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes: read error %v, equal %t", size, err, bytes.Equal(got, sent))
		}
		if err := <-wrote; err != nil {
			t.Errorf("%d bytes: write error %v", size, err)
		}
	}
}

func TestReadEnds(t *testing.T) {
	c, peer := pair(t)
	peer.Close()
	if n, err := c.Read(make([]byte, 8)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes and %v of a connection that its peer closed, want io.EOF", n, err)
	}
}

func TestAsk(t *testing.T) {
	c, peer := pair(t)
	go func() {
		b := make([]byte, 64)
		for {
			n, err := peer.Read(b)
			if err != nil {
				return
			}
			if _, err := peer.Write(bytes.ToUpper(b[:n])); err != nil {
				return
			}
		}
	}()
	for range 1000 {
		if n, err := c.Ask([]byte("ping"), func() bool { return true }); n != 4 || err != nil {
			t.Fatalf("Ask: %d, %v", n, err)
		}
		b := make([]byte, 4)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "PING" {
			t.Fatalf("read %q, %v", b, err)
		}
	}
}

// A server may have closed a connection before the next request: the caller must learn that nothing of the request was sent.
func TestAskOfAConnectionThatIsNotIdle(t *testing.T) {
	for name, spoil := range map[string]func(net.Conn){
		"closed":      func(peer net.Conn) { peer.Close() },
		"out of step": func(peer net.Conn) { _, _ = peer.Write([]byte("x")) },
	} {
		t.Run(name, func(t *testing.T) {
			c, peer := pair(t)
			spoil(peer)
			deadline := time.Now().Add(5 * time.Second)
			for c.Idle() { // until the close has arrived
				if time.Now().After(deadline) {
					t.Fatal("the connection still counts as idle")
				}
			}
			if name == "out of step" { // the probe has read the byte
				spoil(peer)
				waitReadable(t, c)
			}
			if n, err := c.Ask([]byte("ping"), func() bool { return true }); n != 0 || !errors.Is(err, ErrStale) {
				t.Errorf("Ask: %d, %v, want 0, ErrStale", n, err)
			}
		})
	}
}

// waitReadable waits until data has arrived, without reading it.
func waitReadable(t *testing.T, c *Conn) {
	t.Helper()
	var b [1]byte
	if err := c.raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return err == nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAskTimesOut(t *testing.T) {
	c, _ := pair(t)
	if err := c.SetDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Ask([]byte("ping"), func() bool { return true }); n != 4 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Ask: %d, %v, want 4 and a deadline that is exceeded", n, err)
	}
}

func TestAskEndsWithTheConnection(t *testing.T) {
	c, _ := pair(t)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Ask([]byte("ping"), func() bool { return true })
		ended <- err
	}()
	c.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Ask ended with %v, want net.ErrClosed", err)
	}
}

// Close waits for the function called by Attend. Abort does not, and ends waits.
func TestAbort(t *testing.T) {
	c, _ := pair(t)
	called, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		first := true
		ended <- c.Attend(func() bool {
			if first {
				first = false
				close(called)
				<-release
			}
			_, err := c.Read(make([]byte, 1))
			return errors.Is(err, ErrAgain)
		})
	}()
	<-called
	if err := c.Abort(); err != nil {
		t.Error(err)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Errorf("Attend ended with %v", err)
	}
	if n, err := c.Write([]byte("x")); err == nil {
		t.Errorf("%d bytes were written after Abort", n)
	}

	idle, _ := pair(t)
	waits := make(chan struct{}, 1)
	go func() {
		ended <- idle.Attend(func() bool {
			_, err := idle.Read(make([]byte, 1))
			select {
			case waits <- struct{}{}:
			default:
			}
			return errors.Is(err, ErrAgain)
		})
	}()
	<-waits
	if err := idle.Abort(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Attend ended with %v", err)
	}
}

func TestNoSocket(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	c := New(a)
	if !c.Idle() {
		t.Error("a connection that cannot be probed must count as idle")
	}
	go func() {
		x := make([]byte, 4)
		_, _ = io.ReadFull(b, x)
		_, _ = b.Write(x)
	}()
	if n, err := c.Ask([]byte("ping"), func() bool { return true }); n != 4 || err != nil {
		t.Fatalf("Ask: %d, %v", n, err)
	}
	x := make([]byte, 4)
	if _, err := io.ReadFull(c, x); err != nil || string(x) != "ping" {
		t.Errorf("read %q, %v", x, err)
	}
	if err := c.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CloseWrite: %v", err)
	}
}

// Data that arrives between a read and the wait is not missed.
func TestAttend(t *testing.T) {
	c, peer := pair(t)
	const total = 1 << 20
	go func() {
		for sent := 0; sent < total; {
			n, err := peer.Write(make([]byte, min(1+sent%4099, total-sent)))
			if err != nil {
				return
			}
			sent += n
		}
	}()
	got, b := 0, make([]byte, 1024)
	err := c.Attend(func() bool {
		n, err := c.Read(b)
		if got += n; err != nil && !errors.Is(err, ErrAgain) {
			t.Errorf("after %d bytes: %v", got, err)
			return false
		}
		return got < total
	})
	if err != nil || got != total {
		t.Errorf("got %d bytes and %v, want %d", got, err, total)
	}
	peer.Close()
	err = c.Attend(func() bool {
		_, err := c.Read(b)
		return errors.Is(err, ErrAgain)
	})
	if err != nil {
		t.Errorf("at the end: %v", err)
	}
	if _, err := c.Read(b); !errors.Is(err, io.EOF) {
		t.Errorf("a read after that: %v, want io.EOF: it may wait again", err)
	}
}

// A function that left data in its buffer is called again without a wait.
func TestAttendCallsAgainUntilAllIsRead(t *testing.T) {
	c, peer := pair(t)
	if _, err := peer.Write([]byte("abcd")); err != nil {
		t.Fatal(err)
	}
	waitReadable(t, c)
	var got []byte
	err := c.Attend(func() bool {
		var one [1]byte
		n, _ := c.Read(one[:])
		got = append(got, one[:n]...)
		return len(got) < 4
	})
	if err != nil || string(got) != "abcd" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAttendTimesOut(t *testing.T) {
	c, _ := pair(t)
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	err := c.Attend(func() bool {
		_, err := c.Read(make([]byte, 1))
		return errors.Is(err, ErrAgain)
	})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Attend: %v, want a deadline that is exceeded", err)
	}
}

// The end of a connection that arrived together with the last data is noticed: the poller reports both in one event.
func TestAttendNoticesAnEndThatArrivedWithData(t *testing.T) {
	c, peer := pair(t)
	if _, err := io.WriteString(peer, "x"); err != nil {
		t.Fatal(err)
	}
	if err := peer.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := c.raw.Control(func(fd uintptr) {
		for until := time.Now().Add(5 * time.Second); !hungUp(fd) && time.Now().Before(until); {
			runtime.Gosched()
		}
	}); err != nil {
		t.Fatal(err)
	}
	var got []byte
	buffer := make([]byte, 10)
	err := c.Attend(func() bool {
		n, err := c.Read(buffer)
		got = append(got, buffer[:n]...)
		return err == nil
	})
	if err != nil || string(got) != "x" {
		t.Errorf("%q, and Attend ended with %v", got, err)
	}
}
