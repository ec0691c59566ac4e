package awsapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi/sigv4"
)

// Authenticator determines the sender of a request.
type Authenticator struct {
	// Now returns wall time, independent of policy time, since clients sign with wall time.
	Now func() time.Time

	// Lookup returns the key of an access key ID. If it is nil, every request is accepted: it belongs to Account, and to the region that it
	// claims to be signed for, or else to Region.
	Lookup func(accessKeyID string) (sigv4.Key, bool)

	Account, Region string

	keys sigv4.Keys
}

// Caller is whose key a request is signed with. Without authentication it has the access key ID that the request claims, or nothing.
type Caller struct {
	AccessKeyID string
	User        string
	ReadOnly    bool // it may only read
}

// Visitor is the sender of a request after all checks that do not need the body.
type Visitor struct {
	a     *Authenticator
	claim sigv4.Claim
}

// Begin checks the head of a request that should be signed for one of the given services; with none, or "", for any. A server calls it before
// it reads a body. Errors are of type *sigv4.Error.
func (a *Authenticator) Begin(r *sigv4.Request, services ...string) (Visitor, error) {
	v := Visitor{a: a}
	if a.Lookup == nil {
		return v, nil
	}
	var err error
	if v.claim, err = sigv4.Begin(a.Now(), r, a.Lookup); err != nil {
		return v, err
	}
	return v, v.For(services...)
}

// For checks that the request is signed for one of the given services; with none, or "", for any.
func (v *Visitor) For(services ...string) error {
	if v.a.Lookup == nil || len(services) == 0 || services[0] == "" || slices.Contains(services, v.claim.Service()) {
		return nil
	}
	return &sigv4.Error{
		Kind: sigv4.WrongSignature, Msg: "Credential should be scoped to correct service: '" + strings.Join(services, "' or '") + "'.",
	}
}

// Finish verifies the signature over the head and the SHA-256 of the body, and returns the request's scope and caller. Errors are of type
// *sigv4.Error.
func (v *Visitor) Finish(r *sigv4.Request, body [32]byte) (engine.Scope, Caller, error) {
	a := v.a
	if a.Lookup != nil {
		id, err := v.claim.Finish(r, body, &a.keys)
		return engine.Scope{Account: id.Account, Region: id.Region}, Caller{id.AccessKeyID, id.User, id.ReadOnly}, err
	}
	scope := engine.Scope{Account: a.Account, Region: a.Region}
	id, ok := sigv4.Claims(r)
	if !ok {
		return scope, Caller{}, nil
	}
	if id.Region != scope.Region {
		scope.Region = strings.Clone(id.Region) // the request's strings are not valid after it
	}
	return scope, Caller{AccessKeyID: strings.Clone(id.AccessKeyID)}, nil
}

// Open reports whether requests are accepted without authentication.
func (a *Authenticator) Open() bool { return a.Lookup == nil }

// Basic verifies an access key ID and its secret, for clients that cannot sign. The scope is the key's account and Region. Keys
// with a session token are refused. Errors are of type *sigv4.Error. The comparison takes constant time.
func (a *Authenticator) Basic(id, secret string) (engine.Scope, Caller, error) {
	if a.Lookup == nil {
		return engine.Scope{Account: a.Account, Region: a.Region}, Caller{AccessKeyID: id}, nil
	}
	key, found := a.Lookup(id)
	want, got := sha256.Sum256([]byte(key.Secret)), sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	expired := !key.Expires.IsZero() && !a.Now().Before(key.Expires)
	if !found || !same || key.Secret == "" || key.Token != "" || expired {
		return engine.Scope{}, Caller{}, &sigv4.Error{Kind: sigv4.UnknownKey, Msg: "The user name is no access key ID, or the password is not its secret access key."}
	}
	return engine.Scope{Account: key.Account, Region: a.Region}, Caller{id, key.User, key.ReadOnly}, nil
}
