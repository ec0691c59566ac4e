package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sigv4"
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
		who, err := s.signIn(id, secret)
		return who, err == nil
	}
	facts := awsapi.Facts(r)
	visitor, err := s.auth.Begin(facts)
	if err != nil {
		return console.Identity{}, false
	}
	_, id, err := visitor.Finish(facts, sha256.Sum256(nil))
	if err != nil {
		return console.Identity{}, false
	}
	if s.auth.Open() {
		return console.Identity{Account: s.account(), AccessKeyID: id}, true
	}
	key, ok := s.auth.Lookup(id)
	return identityOf(id, key), ok
}

// signIn returns whose an access key is. It fails where the secret is not the key's.
func (s *Server) signIn(accessKeyID, secret string) (console.Identity, error) {
	scope, err := s.auth.Basic(accessKeyID, secret)
	if err != nil || s.auth.Open() {
		return console.Identity{Account: scope.Account, AccessKeyID: accessKeyID}, err
	}
	key, _ := s.auth.Lookup(accessKeyID)
	return identityOf(accessKeyID, key), nil
}

func identityOf(accessKeyID string, k sigv4.Key) console.Identity {
	return console.Identity{Account: k.Account, AccessKeyID: accessKeyID, User: k.User, ReadOnly: k.ReadOnly}
}

// key returns an access key that is valid now, for sessions of the console.
func (s *Server) key(accessKeyID string) (console.Key, bool) {
	if s.auth.Open() {
		return console.Key{}, false
	}
	k, found := s.auth.Lookup(accessKeyID)
	if !found || k.Token != "" || !k.Expires.IsZero() && !s.auth.Now().Before(k.Expires) {
		return console.Key{}, false
	}
	return console.Key{Identity: identityOf(accessKeyID, k), Secret: k.Secret}, true
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
