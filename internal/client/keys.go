package client

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bellows.dev/bellows/internal/awsapi/keys"
	"bellows.dev/bellows/internal/awsapi/policies"
	"bellows.dev/bellows/internal/credentials"
)

// Key is an access key.
type Key struct {
	AccessKeyID     string    `json:"access_key_id"`
	SecretAccessKey string    `json:"secret_access_key,omitempty"` // of a new key alone
	User            string    `json:"user"`
	Account         string    `json:"account"`
	ReadOnly        bool      `json:"read_only"`
	Created         time.Time `json:"created"`
	Expires         time.Time `json:"expires,omitzero"` // zero: never
	Status          string    `json:"status"`           // Active, or Expired
}

func keyOf(k *keys.AccessKey) Key {
	if k == nil {
		return Key{}
	}
	return Key{
		AccessKeyID: aws.ToString(k.AccessKeyId), User: aws.ToString(k.UserName), Account: aws.ToString(k.Account), ReadOnly: aws.ToBool(k.ReadOnly),
		Created: aws.ToTime(k.CreateDate), Expires: aws.ToTime(k.Expires), Status: aws.ToString(k.Status),
	}
}

// CreateKey makes a key. Of k it reads User, Account ("" is that of the data directory's administrator), ReadOnly and Expires.
func (c *Client) CreateKey(ctx context.Context, k Key) (Key, error) {
	in := keys.CreateAccessKeyInput{UserName: &k.User, ReadOnly: &k.ReadOnly}
	if k.Account != "" {
		in.Account = &k.Account
	}
	if !k.Expires.IsZero() {
		in.Expires = &k.Expires
	}
	var out keys.CreateAccessKeyOutput
	err := c.call(ctx, policies.Target+".CreateAccessKey", &in, &out)
	made := keyOf(out.AccessKey)
	made.SecretAccessKey = aws.ToString(out.SecretAccessKey)
	return made, err
}

// Keys returns all keys, in the order in which they were made.
func (c *Client) Keys(ctx context.Context) ([]Key, error) {
	var out keys.ListAccessKeysOutput
	if err := c.call(ctx, policies.Target+".ListAccessKeys", &keys.ListAccessKeysInput{}, &out); err != nil {
		return nil, err
	}
	all := make([]Key, 0, len(out.AccessKeys))
	for i := range out.AccessKeys {
		all = append(all, keyOf(&out.AccessKeys[i]))
	}
	return all, nil
}

// ExpireKey makes a key expire at a time, which may be past; the zero time is never.
func (c *Client) ExpireKey(ctx context.Context, id string, at time.Time) (Key, error) {
	in := keys.UpdateAccessKeyInput{AccessKeyId: &id}
	if !at.IsZero() {
		in.Expires = &at
	}
	var out keys.UpdateAccessKeyOutput
	err := c.call(ctx, policies.Target+".UpdateAccessKey", &in, &out)
	return keyOf(out.AccessKey), err
}

// RevokeKey removes a key.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.call(ctx, policies.Target+".DeleteAccessKey", &keys.DeleteAccessKeyInput{AccessKeyId: &id}, &keys.DeleteAccessKeyOutput{})
}

// RenderKeys writes keys as a table.
func RenderKeys(w io.Writer, all []Key) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ACCESS KEY ID\tUSER\tACCOUNT\tMAY\tCREATED\tEXPIRES")
	for _, k := range all {
		may, expires := "change", "never"
		if k.ReadOnly {
			may = "read"
		}
		if !k.Expires.IsZero() {
			expires = k.Expires.UTC().Format(time.RFC3339)
		}
		if k.Status == "Expired" {
			expires += " (expired)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", k.AccessKeyID, k.User, k.Account, may, k.Created.UTC().Format(time.RFC3339), expires)
	}
	return t.Flush()
}

// As makes later calls with another key.
func (c *Client) As(k Key) {
	next := c.config
	next.Credentials = static(credentials.Key{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, Account: k.Account})
	*c = *of(next)
}
