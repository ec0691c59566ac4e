package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"bellows.dev/bellows/internal/awsapi"
)

// mayRead reports whether a request may read the server's own pages: it has an access key as user name and password, is signed with one (for any
// service), or the server needs no authentication. The client's address does not count: behind a proxy all requests come from the proxy.
func (s *Server) mayRead(r *http.Request) bool {
	if s.o.NoAuth {
		return true
	}
	if id, secret, ok := r.BasicAuth(); ok {
		_, err := s.auth.Basic(id, secret)
		return err == nil
	}
	facts := awsapi.Facts(r)
	visitor, err := s.auth.Begin(facts)
	if err == nil {
		_, _, err = visitor.Finish(facts, sha256.Sum256(nil))
	}
	return err == nil
}

// mayScrape reports whether a request may read /metrics: as mayRead, or with the token that is configured for metrics.
func (s *Server) mayScrape(r *http.Request) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if want := s.conf().Metrics.Secret(); bearer && want != "" {
		a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(want))
		return subtle.ConstantTimeCompare(a[:], b[:]) == 1
	}
	return s.mayRead(r)
}
