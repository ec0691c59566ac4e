package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sigv4"
	"bellows.dev/bellows/internal/console"
	"bellows.dev/bellows/internal/invoke"
)

// identify returns who sent a request that has an access key as user name and password, or is signed with one for any service.
func (s *Server) identify(r *http.Request) (console.Identity, bool) {
	if id, secret, ok := r.BasicAuth(); ok && !s.o.NoAuth && !s.safe(r) {
		s.refused(r, "", shorten(r.Method+" "+r.URL.Path, nameMax), "", awsapi.Caller{AccessKeyID: id}, "InsecureConnection", insecure)
		return console.Identity{}, false
	} else if ok {
		who, err := s.signIn(id, secret)
		s.refusedPage(r, id, err)
		return who, err == nil
	}
	facts := awsapi.Facts(r)
	claimed, signed := sigv4.Claims(facts)
	visitor, err := s.auth.Begin(facts)
	if err != nil {
		if signed {
			s.refusedPage(r, claimed.AccessKeyID, err)
		}
		return console.Identity{}, false
	}
	scope, caller, err := visitor.Finish(facts, sha256.Sum256(nil))
	s.refusedPage(r, claimed.AccessKeyID, err)
	return identityOf(scope.Account, caller), err == nil
}

// refusedPage records a request for a page with a key that is not valid; it does nothing where err is nil.
func (s *Server) refusedPage(r *http.Request, accessKeyID string, err error) {
	var e *sigv4.Error
	if errors.As(err, &e) {
		code, _, _ := e.Codes()
		s.refused(r, "", shorten(r.Method+" "+r.URL.Path, nameMax), "", awsapi.Caller{AccessKeyID: accessKeyID}, code, e.Msg)
	}
}

// signIn returns whose an access key is. It fails where the secret is not the key's.
func (s *Server) signIn(accessKeyID, secret string) (console.Identity, error) {
	scope, caller, err := s.auth.Basic(accessKeyID, secret)
	return identityOf(scope.Account, caller), err
}

func identityOf(account string, c awsapi.Caller) console.Identity {
	return console.Identity{Account: account, AccessKeyID: c.AccessKeyID, User: c.User, ReadOnly: c.ReadOnly}
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
	who := awsapi.Caller{AccessKeyID: accessKeyID, User: k.User, ReadOnly: k.ReadOnly}
	return console.Key{Identity: identityOf(k.Account, who), Secret: k.Secret}, true
}

// mayScrape returns the account whose key a request for /metrics has. The token that is configured for metrics is the administrator's. The
// client's address does not count: behind a proxy all requests come from the proxy.
func (s *Server) mayScrape(r *http.Request) (account string, ok bool) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if want := s.conf().Metrics.Secret(); bearer && want != "" {
		a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(want))
		return s.account(), subtle.ConstantTimeCompare(a[:], b[:]) == 1
	}
	if s.o.NoAuth {
		return s.account(), true
	}
	id, ok := s.identify(r)
	return id.Account, ok
}

// deniedInvocation is the refusal of an invocation with a read-only key. An invocation changes no configuration, but it takes capacity and its
// load scales the variant; AWS's policy ReadOnlyAccess does not allow it either.
func deniedInvocation(s engine.Scope, caller awsapi.Caller, path string) *invoke.Refusal {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/endpoints/"), "/")
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	action := "InvokeEndpoint"
	switch {
	case strings.HasSuffix(path, "/invocations-response-stream"):
		action = "InvokeEndpointWithResponseStream"
	case strings.HasSuffix(path, "/async-invocations"):
		action = "InvokeEndpointAsync"
	}
	return &invoke.Refusal{
		Status: http.StatusForbidden, Code: "AccessDeniedException",
		Message: awsapi.DeniedMessage(s.Account, caller, "sagemaker:"+action, awsapi.ARN(s, "sagemaker", "endpoint/"+strings.ToLower(name))),
	}
}
