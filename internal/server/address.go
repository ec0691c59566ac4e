package server

import (
	"context"
	"fmt"
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
