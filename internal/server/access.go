package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/console"
)

// mayRead reports whether a request may read the server's own pages: it has an access key as user name and password, is signed with one (for any
// service), or the server needs no authentication. The client's address does not count: behind a proxy all requests come from the proxy.
func (s *Server) mayRead(r *http.Request) bool {
	_, ok := s.identify(r)
	return ok || s.o.NoAuth
}

// identify returns who sent a request that has an access key as user name and password, or is signed with one for any service.
func (s *Server) identify(r *http.Request) (console.Identity, bool) {
	if id, secret, ok := r.BasicAuth(); ok {
		scope, err := s.auth.Basic(id, secret)
		return console.Identity{Account: scope.Account, AccessKeyID: id}, err == nil
	}
	facts := awsapi.Facts(r)
	visitor, err := s.auth.Begin(facts)
	if err != nil {
		return console.Identity{}, false
	}
	scope, id, err := visitor.Finish(facts, sha256.Sum256(nil))
	return console.Identity{Account: scope.Account, AccessKeyID: id}, err == nil
}

// secret returns the secret and the account of an access key that is valid now.
func (s *Server) secret(accessKeyID string) (secret, account string, ok bool) {
	if s.auth.Open() {
		return "", "", false
	}
	k, found := s.auth.Lookup(accessKeyID)
	if !found || k.Token != "" || !k.Expires.IsZero() && !s.auth.Now().Before(k.Expires) {
		return "", "", false
	}
	return k.Secret, k.Account, true
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
