package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// addressFile is the file of a data directory that has the address of its server, and its region.
const addressFile = "address"

// ReadAddress returns the address that the server of a data directory listens on, or listened on last, and its region. found is false where no
// server has noted them.
func ReadAddress(dir string) (address, region string, found bool) {
	text, err := os.ReadFile(filepath.Join(dir, addressFile))
	if err != nil {
		return "", "", false
	}
	fields := strings.Fields(string(text))
	if len(fields) != 2 {
		return "", "", false
	}
	return fields[0], fields[1], true
}

// Reachable returns the address at which clients on this machine reach a server: for one that listens on all addresses, a loopback address.
func Reachable(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("reading the server's address: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// noteAddress writes the address and the region for ReadAddress.
func (s *Server) noteAddress() error {
	file, text := filepath.Join(s.o.Dir, addressFile), s.Address()+" "+s.o.Config.Region+"\n"
	if now, err := os.ReadFile(file); err == nil && string(now) == text {
		return nil // nothing to write: it works with a full disk as well
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("noting the address: %w", err)
	}
	return nil
}

// runAddress tries to write the address each second until it is written or ctx ends.
func (s *Server) runAddress(ctx context.Context) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for s.noteAddress() != nil {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}
