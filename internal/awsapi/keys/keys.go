// Package keys adds operations to the service Bellows that make, list, expire and revoke the access keys of a data directory. Members and errors
// have IAM's names where IAM has them; an expiry and read-only keys are this server's own.
package keys

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/credentials"
)

// API implements the operations.
type API struct {
	ring *credentials.Ring
	now  func() time.Time // wall time
}

// Add adds the operations to a service.
func Add(s *awsapi.Service, ring *credentials.Ring, now func() time.Time) {
	a := &API{ring, now}
	awsapi.Handle(s, "CreateAccessKey", a.create)
	awsapi.Handle(s, "ListAccessKeys", a.list)
	awsapi.Handle(s, "UpdateAccessKey", a.update)
	awsapi.Handle(s, "DeleteAccessKey", a.remove)
}

// AccessKey is an access key without its secret.
type AccessKey struct {
	AccessKeyId *string // the name on the wire
	UserName    *string
	Account     *string
	ReadOnly    *bool
	CreateDate  *time.Time
	Expires     *time.Time // never if it is not there
	Status      *string    // Active, or Expired
}

// CreateAccessKeyInput makes a key. UserName is required.
type CreateAccessKeyInput struct {
	UserName *string
	Account  *string    // default: the caller's
	ReadOnly *bool      // default: false
	Expires  *time.Time // default: never
}

// CreateAccessKeyOutput has the secret, which no other operation returns.
type CreateAccessKeyOutput struct {
	AccessKey       *AccessKey
	SecretAccessKey *string
}

// ListAccessKeysInput is empty.
type ListAccessKeysInput struct{}

// ListAccessKeysOutput has the keys of the caller's account, or for the administrator's account all keys, in the order in which they were made.
type ListAccessKeysOutput struct{ AccessKeys []AccessKey }

// UpdateAccessKeyInput makes a key expire at a time, which may be past, or never.
type UpdateAccessKeyInput struct {
	AccessKeyId *string    // the name on the wire
	Expires     *time.Time // never if it is not there
}

// UpdateAccessKeyOutput is the changed key.
type UpdateAccessKeyOutput struct{ AccessKey *AccessKey }

// DeleteAccessKeyInput revokes a key.
type DeleteAccessKeyInput struct{ AccessKeyId *string } // the name on the wire

// DeleteAccessKeyOutput is empty.
type DeleteAccessKeyOutput struct{}

var (
	userName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`) // AWS: IAM CreateUser, UserName
	account  = regexp.MustCompile(`^\d{12}$`)
)

func (a *API) create(_ context.Context, c awsapi.Call, in *CreateAccessKeyInput) (*CreateAccessKeyOutput, error) {
	if !c.Safe {
		return nil, awsapi.Validation("A secret access key is not sent over plain HTTP to another machine: use https, or make the key on the server's machine")
	}
	if in.UserName == nil || !userName.MatchString(*in.UserName) {
		return nil, awsapi.Validation("UserName must have 1 to 64 letters, digits and characters of +=,.@_-")
	}
	of := c.Account
	if in.Account != nil {
		of = *in.Account
	}
	if !account.MatchString(of) {
		return nil, awsapi.Validation("Account must have twelve digits")
	}
	now := a.now()
	if in.Expires != nil && !now.Before(*in.Expires) {
		return nil, awsapi.Validation("Expires must be in the future")
	}
	if !a.visible(c, of) {
		return nil, denied(c, "CreateAccessKey", awsapi.UserARN(of, *in.UserName))
	}
	k := credentials.New(of, *in.UserName, now.UTC().Truncate(time.Second))
	k.ReadOnly = in.ReadOnly != nil && *in.ReadOnly
	if in.Expires != nil {
		k.Expires = in.Expires.UTC()
	}
	if err := a.ring.Add(k); err != nil {
		return nil, refusal(k.AccessKeyID, err)
	}
	out := describe(k, now)
	return &CreateAccessKeyOutput{AccessKey: &out, SecretAccessKey: &k.SecretAccessKey}, nil
}

func (a *API) list(_ context.Context, c awsapi.Call, _ *ListAccessKeysInput) (*ListAccessKeysOutput, error) {
	out := &ListAccessKeysOutput{AccessKeys: []AccessKey{}}
	now := a.now()
	for _, k := range a.ring.Keys() {
		if a.visible(c, k.Account) {
			out.AccessKeys = append(out.AccessKeys, describe(k, now))
		}
	}
	return out, nil
}

func (a *API) update(_ context.Context, c awsapi.Call, in *UpdateAccessKeyInput) (*UpdateAccessKeyOutput, error) {
	k, err := a.find(c, in.AccessKeyId)
	if err != nil {
		return nil, err
	}
	k.Expires = time.Time{}
	if in.Expires != nil {
		k.Expires = in.Expires.UTC()
	}
	if err := a.ring.Expire(k.AccessKeyID, k.Expires); err != nil {
		return nil, refusal(k.AccessKeyID, err)
	}
	out := describe(k, a.now())
	return &UpdateAccessKeyOutput{AccessKey: &out}, nil
}

func (a *API) remove(_ context.Context, c awsapi.Call, in *DeleteAccessKeyInput) (*DeleteAccessKeyOutput, error) {
	k, err := a.find(c, in.AccessKeyId)
	if err != nil {
		return nil, err
	}
	if err := a.ring.Remove(k.AccessKeyID); err != nil {
		return nil, refusal(k.AccessKeyID, err)
	}
	return &DeleteAccessKeyOutput{}, nil
}

// visible reports whether a caller sees and changes the keys of an account: its own, or all for the administrator's account.
func (a *API) visible(c awsapi.Call, account string) bool {
	return c.Account == account || c.Account == a.ring.Account()
}

func (a *API) find(c awsapi.Call, id *string) (credentials.Key, error) {
	if id == nil || *id == "" {
		return credentials.Key{}, awsapi.Validation("AccessKeyId must be specified")
	}
	k, found := a.ring.Lookup(*id)
	if !found || !a.visible(c, k.Account) {
		return k, refusal(*id, credentials.ErrUnknown)
	}
	return k, nil
}

func describe(k credentials.Key, now time.Time) AccessKey {
	status := "Active"
	if k.Expired(now) {
		status = "Expired"
	}
	out := AccessKey{
		AccessKeyId: &k.AccessKeyID, UserName: &k.User, Account: &k.Account, ReadOnly: &k.ReadOnly, CreateDate: &k.Created, Status: &status,
	}
	if !k.Expires.IsZero() {
		out.Expires = &k.Expires
	}
	return out
}

// refusal converts errors of the ring. AWS: IAM DeleteAccessKey, errors.
func refusal(id string, err error) error {
	switch {
	case errors.Is(err, credentials.ErrUnknown):
		return &awsapi.Error{Code: "NoSuchEntityException", Query: "NoSuchEntity", Message: fmt.Sprintf("The Access Key with id %s cannot be found.", id)}
	case errors.Is(err, credentials.ErrLast):
		return &awsapi.Error{Code: "DeleteConflictException", Query: "DeleteConflict", Message: fmt.Sprintf("The Access Key with id %s must stay: %v.", id, err)}
	case errors.Is(err, credentials.ErrTooMany):
		return &awsapi.Error{Code: "LimitExceededException", Query: "LimitExceeded", Message: "No more access keys can be made: " + err.Error() + "."}
	default:
		return err
	}
}

func denied(c awsapi.Call, operation, resource string) error {
	return &awsapi.Error{Code: "AccessDeniedException", Query: "AccessDenied", Message: awsapi.DeniedMessage(c.Account, c.Caller, "bellows:"+operation, resource)}
}
