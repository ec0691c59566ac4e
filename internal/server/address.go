package server

import (
	"context"
	"time"

	"bellows.dev/bellows/internal/addrfile"
)

// noteAddress writes the address and the region for clients on this machine.
func (s *Server) noteAddress() error {
	if s.certs != nil {
		return addrfile.WriteTLS(s.o.Dir, s.Address(), s.o.Config.Region, s.certs.Name())
	}
	return addrfile.Write(s.o.Dir, s.Address(), s.o.Config.Region)
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
