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

// Authenticator tells who sent a request.
type Authenticator struct {
	// Now is the wall clock, whatever clock policies run on: clients sign with theirs.
	Now func() time.Time

	// Lookup returns the key of an access key ID. Nil takes every request: it belongs to Account, and to the region that it
	// claims to be signed for, else to Region.
	Lookup func(accessKeyID string) (sigv4.Key, bool)

	Account, Region string
}

// Authenticate verifies a request that should be signed for one of some services; none, or "", takes any. It fails with
// *sigv4.Error.
func (a *Authenticator) Authenticate(r sigv4.Request, services ...string) (engine.Scope, string, error) {
	if a.Lookup == nil {
		scope := engine.Scope{Account: a.Account, Region: a.Region}
		if id, ok := sigv4.Claims(r); ok {
			scope.Region = id.Region
			return scope, id.AccessKeyID, nil
		}
		return scope, "", nil
	}
	id, err := sigv4.Verify(a.Now(), r, a.Lookup)
	if err != nil {
		return engine.Scope{}, "", err
	}
	if len(services) > 0 && services[0] != "" && !slices.Contains(services, id.Service) {
		return engine.Scope{}, "", &sigv4.Error{
			Kind: sigv4.WrongSignature, Msg: "Credential should be scoped to correct service: '" + strings.Join(services, "' or '") + "'.",
		}
	}
	return engine.Scope{Account: id.Account, Region: id.Region}, id.AccessKeyID, nil
}

// Basic verifies an access key ID and its secret, for clients that cannot sign: the scope is the key's account, and Region. Keys
// with a session token cannot be used so. It fails with *sigv4.Error, in a time that says nothing of the secret.
func (a *Authenticator) Basic(id, secret string) (engine.Scope, error) {
	if a.Lookup == nil {
		return engine.Scope{Account: a.Account, Region: a.Region}, nil
	}
	key, found := a.Lookup(id)
	want, got := sha256.Sum256([]byte(key.Secret)), sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	expired := !key.Expires.IsZero() && !a.Now().Before(key.Expires)
	if !found || !same || key.Secret == "" || key.Token != "" || expired {
		return engine.Scope{}, &sigv4.Error{Kind: sigv4.UnknownKey, Msg: "The user name is no access key ID, or the password is not its secret access key."}
	}
	return engine.Scope{Account: key.Account, Region: a.Region}, nil
}
