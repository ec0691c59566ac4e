package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"bellows.dev/bellows/internal/awsapi"
)

// realm is what browsers show when they ask for a key.
const realm = `Basic realm="Bellows: access key ID and secret access key", charset="UTF-8"`

// mayRead reports whether a request may read the server's own pages: it brings an access key as user name and password, is signed with one
// (for any service), or the server takes everybody. Where the request comes from does not count: behind a proxy everybody comes from there.
func (s *server) mayRead(r *http.Request) bool {
	if s.o.noAuth {
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

// mayScrape is mayRead, or that the request brings the token that is configured for metrics.
func (s *server) mayScrape(r *http.Request) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if want := s.conf().Metrics.secret; bearer && want != "" {
		a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(want))
		return subtle.ConstantTimeCompare(a[:], b[:]) == 1
	}
	return s.mayRead(r)
}

// askForKey refuses a page; browsers then ask for the key.
func askForKey(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", realm)
	http.Error(w, "This page needs an access key: its ID as the user name and its secret as the password, or a request signed with it. "+
		"`bellows env` prints both.", http.StatusUnauthorized)
}
