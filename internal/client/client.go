// Package client calls operations of a server in awsJson 1.1, with the address and the key in its data directory:
//
//	c, err := client.Open(dir, "")
//	err = c.Call(ctx, client.Operation{Signing: "bellows", Target: "Bellows.DescribePolicies"}, &in, &out)
package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"bellows.dev/bellows/internal/addrfile"
	"bellows.dev/bellows/internal/awsapi/wire"
	"bellows.dev/bellows/internal/credentials"
)

// Limits of a call.
const (
	timeout   = 30 * time.Second
	answerMax = 32 << 20
)

// Client calls one server.
type Client struct {
	url, region string
	key         credentials.Key
	http        http.Client
}

// Operation names an operation on the wire.
type Operation struct {
	Signing string // the service that requests are signed for
	Target  string // X-Amz-Target: service and operation
}

// Error is a refusal of the server.
type Error struct{ Code, Message string }

// Error returns the text of the refusal with its code.
func (e *Error) Error() string { return e.Message + " (" + e.Code + ")" }

// Open returns a client of the server of a data directory. No region is the server's own. It fails where the directory is none of a server.
func Open(dir, region string) (*Client, error) {
	key, err := credentials.Own(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not the data directory of a server (--data-dir names another)", dir)
	}
	if err != nil {
		return nil, err
	}
	address, own, found := addrfile.Read(dir)
	if !found {
		return nil, fmt.Errorf("the server of %s has not written its address: is `bellows serve` running?", dir)
	}
	if address, err = addrfile.Reachable(address); err != nil {
		return nil, err
	}
	if region == "" {
		region = own
	}
	return &Client{
		url: "http://" + address + "/", region: region, key: key,
		http: http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}, // without a proxy
	}, nil
}

// Region returns the region that calls are for.
func (c *Client) Region() string { return c.region }

// Call calls an operation: in is encoded as the request, and the response is decoded into out. It fails with Error where the server refuses.
func (c *Client) Call(ctx context.Context, o Operation, in, out any) error {
	body := wire.EncodeJSON(in)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("X-Amz-Target", o.Target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	sum := sha256.Sum256(body)
	who := aws.Credentials{AccessKeyID: c.key.AccessKeyID, SecretAccessKey: c.key.SecretAccessKey, SessionToken: c.key.SessionToken}
	if err := v4.NewSigner().SignHTTP(ctx, who, r, hex.EncodeToString(sum[:]), o.Signing, c.region, time.Now()); err != nil {
		return fmt.Errorf("signing the request: %w", err)
	}
	status, text, err := c.send(r)
	if err != nil {
		return err
	}
	if status != "" {
		return refusal(status, text)
	}
	if err := wire.DecodeJSON(text, out); err != nil {
		return fmt.Errorf("decoding the response: %w", err)
	}
	return nil
}

// send sends a request and returns the body of the response, and its status where it is not 200.
func (c *Client) send(r *http.Request) (status string, text []byte, err error) {
	response, err := c.http.Do(r)
	if err != nil {
		return "", nil, fmt.Errorf("no server answers: %w", err)
	}
	text, err = io.ReadAll(io.LimitReader(response.Body, answerMax))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return "", nil, fmt.Errorf("reading the response: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		status = response.Status
	}
	return status, text, nil
}

// Get asks the console's API, such as audit with its parameters, and decodes the answer into out. It fails with Error where the server refuses.
func (c *Client) Get(ctx context.Context, path string, parameters url.Values, out any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"console/api/"+path+"?"+parameters.Encode(), nil)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(nil)
	who := aws.Credentials{AccessKeyID: c.key.AccessKeyID, SecretAccessKey: c.key.SecretAccessKey, SessionToken: c.key.SessionToken}
	if err := v4.NewSigner().SignHTTP(ctx, who, r, hex.EncodeToString(sum[:]), "bellows", c.region, time.Now()); err != nil {
		return fmt.Errorf("signing the request: %w", err)
	}
	status, text, err := c.send(r)
	if err != nil {
		return err
	}
	if status != "" {
		var e struct {
			Error struct{ Code, Message string } `json:"error"`
		}
		if json.Unmarshal(text, &e) != nil || e.Error.Code == "" {
			return fmt.Errorf("the server answered %s", status)
		}
		return &Error{Code: e.Error.Code, Message: e.Error.Message}
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("decoding the response: %w", err)
	}
	return nil
}

// refusal decodes an error in the form of awsJson.
func refusal(status string, text []byte) error {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"` // or Message: encoding/json ignores case
	}
	if err := json.Unmarshal(text, &e); err != nil || e.Type == "" {
		return fmt.Errorf("the server answered %s", status)
	}
	if _, name, found := strings.Cut(e.Type, "#"); found {
		e.Type = name
	}
	return &Error{Code: e.Type, Message: e.Message}
}
