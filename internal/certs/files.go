package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// files is a Source with a certificate and its key in two files, which are looked at again at handshakes.
type files struct {
	certificate, key string
	log              *slog.Logger
	now              func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	stamp   string    // of the files that current was read from, or that could not be read
	looked  time.Time // when the files were last looked at
}

// lookEvery is the least time between two looks at the files.
const lookEvery = time.Second

// OpenFiles reads a certificate, with the chain of its issuers behind it, and its key, both in PEM.
func OpenFiles(certificate, key string, log *slog.Logger, now func() time.Time) (Source, error) {
	f := &files{certificate: certificate, key: key, log: log, now: now}
	c, err := f.read()
	if err != nil {
		return nil, err
	}
	f.current, f.stamp, f.looked = c, f.stampNow(), now()
	return f, nil
}

func (f *files) read() (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return nil, fmt.Errorf("reading the TLS certificate %s and its key %s: %w", f.certificate, f.key, err)
	}
	return &c, nil
}

// stampNow returns what changes when the files do.
func (f *files) stampNow() string {
	var b strings.Builder
	for _, path := range []string{f.certificate, f.key} {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&b, "%d %d ", info.Size(), info.ModTime().UnixNano())
		} else {
			fmt.Fprintf(&b, "%v ", err)
		}
	}
	return b.String()
}

// Config implements Source.
func (f *files) Config() *tls.Config {
	return config(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.get(), nil })
}

// get returns the certificate. Files that have changed and cannot be read, as in the middle of a replacement, leave the one before.
func (f *files) get() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.looked) >= lookEvery {
		f.looked = now
		if stamp := f.stampNow(); stamp != f.stamp {
			f.stamp = stamp
			if c, err := f.read(); err != nil {
				f.log.Warn("the TLS certificate has changed and cannot be read: the one before stays in use", "error", err)
			} else {
				f.current = c
				f.log.Info("the TLS certificate was read again", "expires", c.Leaf.NotAfter)
			}
		}
	}
	return f.current
}

// Name implements Source: the first name of the certificate that is no pattern, or else its first address.
func (f *files) Name() string {
	leaf := f.get().Leaf
	for _, name := range leaf.DNSNames {
		if !strings.Contains(name, "*") {
			return name
		}
	}
	for _, ip := range leaf.IPAddresses {
		return ip.String()
	}
	return ""
}

// Run implements Source: it warns of a certificate that expires, once a day.
func (f *files) Run(ctx context.Context) {
	const day = 24 * time.Hour
	tick := time.NewTicker(day)
	defer tick.Stop()
	for {
		if left := f.get().Leaf.NotAfter.Sub(f.now()); left < 14*day {
			f.log.Warn("the TLS certificate expires soon", "file", f.certificate, "left", left.Round(time.Hour))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
