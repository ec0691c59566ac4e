package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// logsTarget begins the header X-Amz-Target of CloudWatch Logs. AWS: its API model, targetPrefix.
const logsTarget = "Logs_20140328."

// logStream is what is used of a log stream. AWS: LogStream.
type logStream struct {
	Name    string `json:"logStreamName"`
	Created int64  `json:"creationTime"`       // Unix milliseconds
	Last    int64  `json:"lastEventTimestamp"` // Unix milliseconds
}

// LastLog returns the last lines of the newest stream of a log group whose name begins with a prefix, by CloudWatch Logs' API of a Bellows server.
// AWS: DescribeLogStreams, GetLogEvents.
func (c *Client) LastLog(ctx context.Context, group, prefix string, lines int) ([]string, error) {
	var streams struct {
		LogStreams []logStream `json:"logStreams"`
	}
	if err := c.logs(ctx, "DescribeLogStreams", map[string]any{"logGroupName": group, "logStreamNamePrefix": prefix}, &streams); err != nil {
		return nil, err
	}
	if len(streams.LogStreams) == 0 {
		return nil, fmt.Errorf("%s has no log", group)
	}
	newest := slices.MaxFunc(streams.LogStreams, func(a, b logStream) int {
		return cmp.Or(cmp.Compare(a.Last, b.Last), cmp.Compare(a.Created, b.Created))
	})
	var events struct {
		Events []struct {
			Message string `json:"message"`
		} `json:"events"`
	}
	if err := c.logs(ctx, "GetLogEvents", map[string]any{
		"logGroupName": group, "logStreamName": newest.Name, "limit": lines, "startFromHead": false,
	}, &events); err != nil {
		return nil, err
	}
	var out []string
	for _, e := range events.Events {
		out = append(out, strings.TrimRight(e.Message, "\n"))
	}
	return out, nil
}

// LocalLog returns the last lines of the log of a copy, from the data directory by which the server was found.
func (c *Client) LocalLog(copyID string, lines int) ([]string, error) {
	if !c.Local() || copyID != filepath.Base(copyID) {
		return nil, fs.ErrNotExist
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "fleet", "logs", copyID+".log")) // at most log_max
	if err != nil {
		return nil, err
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return all[max(0, len(all)-lines):], nil
}

// logs calls an operation of CloudWatch Logs in awsJson 1.1.
func (c *Client) logs(ctx context.Context, operation string, in, out any) error {
	if c.AWS() {
		return OnlyBellows("logs at the address of the other services")
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	text, err := c.post(ctx, logsTarget+operation, body)
	if err != nil {
		return err
	}
	return json.NewDecoder(bytes.NewReader(text)).Decode(out)
}

// post sends an operation in awsJson 1.1, and returns the answer.
func (c *Client) post(ctx context.Context, target string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := c.send(ctx, http.MethodPost, "/", body, http.Header{"X-Amz-Target": {target}, "Content-Type": {"application/x-amz-json-1.1"}})
	if err != nil {
		return nil, err
	}
	return content(response)
}
