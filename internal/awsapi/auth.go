package awsapi

import (
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

// Authenticate verifies a request that should be signed for a service; "" takes any. It fails with *sigv4.Error.
func (a *Authenticator) Authenticate(r sigv4.Request, service string) (engine.Scope, string, error) {
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
	if service != "" && id.Service != service {
		return engine.Scope{}, "", &sigv4.Error{
			Kind: sigv4.WrongSignature, Msg: "Credential should be scoped to correct service: '" + service + "'.",
		}
	}
	return engine.Scope{Account: id.Account, Region: id.Region}, id.AccessKeyID, nil
}
