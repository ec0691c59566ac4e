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
	"net/http"
	"net/url"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"bellows.dev/bellows/internal/awsapi/wire"
)

// Limits of a call of an API that only Bellows has.
const (
	timeout   = 30 * time.Second
	answerMax = 32 << 20
)

// signing is the service that requests of such APIs are signed for, unless their X-Amz-Target is of another.
const signing = "bellows"

// ConsolePath is the root of the console's API. A test of cmd/bellows holds it to internal/console.
const ConsolePath = "/console/api/"

// Read gets a resource of the console's API, such as "variants", and decodes it into out.
func (c *Client) Read(ctx context.Context, resource string, query url.Values, out any) error {
	text, err := c.Get(ctx, ConsolePath+resource, query)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("decoding the response: %w", err)
	}
	return nil
}

// Get gets a page of a Bellows server.
func (c *Client) Get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	if c.AWS() {
		return nil, &OnlyBellowsError{"this"}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := c.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	return content(response)
}

// Stream opens the console's live stream and calls each with the data of each event until ctx ends or the stream does. The error of a stream that
// ends is io.EOF or that of the connection.
func (c *Client) Stream(ctx context.Context, each func(data []byte)) error {
	if c.AWS() {
		return &OnlyBellowsError{"a live stream"}
	}
	response, err := c.send(ctx, http.MethodGet, ConsolePath+"stream", nil, nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		_, err := content(response)
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	return readEvents(response.Body, each)
}

// call calls an operation of the Bellows API in awsJson 1.1: in is encoded as the request, and the response is decoded into out.
func (c *Client) call(ctx context.Context, target string, in, out any) error {
	if c.AWS() {
		return &OnlyBellowsError{"policies as settings"}
	}
	text, err := c.post(ctx, target, wire.EncodeJSON(in))
	if err != nil {
		return err
	}
	if err := wire.DecodeJSON(text, out); err != nil {
		return fmt.Errorf("decoding the response: %w", err)
	}
	return nil
}

// send sends a signed request.
func (c *Client) send(ctx context.Context, method, path string, body []byte, header http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	who, err := c.config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	service := signing
	if strings.HasPrefix(header.Get("X-Amz-Target"), logsTarget) {
		service = "logs"
	}
	if err := v4.NewSigner().SignHTTP(ctx, who, r, hex.EncodeToString(sum[:]), service, c.config.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("signing the request: %w", err)
	}
	response, err := c.http.Do(r)
	return response, Plain(err)
}

// content reads a response. One that is no success is an error.
func content(response *http.Response) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("reading the response: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, refusal(response.Status, text)
	}
	return text, nil
}

// refusal decodes an error in the form of awsJson or of the console's API.
func refusal(status string, text []byte) error {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"` // or Message: encoding/json ignores case
		Error   Error  `json:"error"`
	}
	switch err := json.Unmarshal(text, &e); {
	case err == nil && e.Error.Code != "":
		return &e.Error
	case err == nil && e.Type != "":
		if _, name, found := strings.Cut(e.Type, "#"); found {
			e.Type = name
		}
		return &Error{Code: e.Type, Message: e.Message}
	}
	return fmt.Errorf("the server answered %s", status)
}

// Clock returns by how much the server's clock is ahead of this machine's, to the second, from a page that needs no key.
func (c *Client) Clock(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := c.send(ctx, http.MethodGet, "/health", nil, nil)
	if err != nil {
		return 0, err
	}
	if err := response.Body.Close(); err != nil {
		return 0, err
	}
	at, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return 0, nil // a server without the header has no clock to compare
	}
	return time.Until(at).Truncate(time.Second), nil
}
