package client

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/term"
)

// AuditFilter selects records of the audit log. Members that are not set match everything.
type AuditFilter struct {
	User, Operation, Source, Text string
	Failed                        bool
	Since                         time.Time
	Ago                           time.Duration // before now, in policy time, instead of Since
}

func (f AuditFilter) values() url.Values {
	v := url.Values{"limit": {"1000"}}
	for name, value := range map[string]string{"user": f.User, "operation": f.Operation, "source": f.Source, "q": f.Text} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if f.Failed {
		v.Set("failed", strconv.FormatBool(true))
	}
	if !f.Since.IsZero() {
		v.Set("from", f.Since.UTC().Format(time.RFC3339))
	}
	return v
}

// auditPage is what the console's API answers with.
type auditPage struct {
	Now     time.Time
	Records []audit.Record
	Next    string
	Newest  string
}

// Audit calls each for the newest records that a filter selects, most at most, the oldest first. It returns the position for Follow.
func (c *Client) Audit(ctx context.Context, f AuditFilter, most int, each func([]audit.Record) error) (after string, err error) {
	if f.Ago > 0 {
		var p auditPage
		if err := c.Read(ctx, "audit", url.Values{"limit": {"1"}}, &p); err != nil {
			return "", err
		}
		f.Since = p.Now.Add(-f.Ago)
	}
	v := f.values()
	var all []audit.Record
	for {
		var p auditPage
		if err := c.Read(ctx, "audit", v, &p); err != nil {
			return "", err
		}
		if after == "" {
			after = p.Newest
		}
		all = append(all, p.Records...)
		if p.Next == "" || len(all) >= most {
			break
		}
		v.Set("token", p.Next)
	}
	all = all[:min(most, len(all))]
	slices.Reverse(all)
	return after, each(all)
}

// followEvery is the time between two questions for new records.
const followEvery = 500 * time.Millisecond

// Follow calls each for the records that come after a position, until ctx ends.
func (c *Client) Follow(ctx context.Context, f AuditFilter, after string, each func([]audit.Record) error) error {
	v := f.values()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		v.Set("after", after)
		var p auditPage
		if err := c.Read(ctx, "audit", v, &p); err != nil && ctx.Err() == nil {
			return err
		}
		if len(p.Records) > 0 {
			if err := each(p.Records); err != nil {
				return err
			}
		}
		if p.Newest != "" {
			after = p.Newest
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// RenderAudit writes records as a table, with a header or without.
func RenderAudit(w io.Writer, all []audit.Record, header bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if header {
		fmt.Fprintln(t, "TIME\tWHO\tFROM\tWHAT\tRESULT")
	}
	for _, r := range all {
		who := r.UserIdentity.UserName
		if who == "" {
			who = "unknown " + r.UserIdentity.AccessKeyID
		}
		source, _, _ := strings.Cut(r.EventSource, ".")
		what := source + " " + r.EventName
		if len(r.Resources) > 0 {
			_, resource, _ := strings.Cut(r.Resources[0].ARN, r.Recipient+":")
			what += " " + path.Clean("/" + resource)[1:]
		}
		result := "ok"
		if r.ErrorCode != "" {
			result = r.ErrorCode + ": " + r.ErrorMessage
		}
		if n, ok := r.Additional[audit.Lost].(float64); ok {
			result += fmt.Sprintf(" (%.0f records before it were not kept)", n)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.EventTime.UTC().Format(time.RFC3339), term.Clean(strings.TrimSpace(who)), term.Clean(r.SourceIP),
			term.Clean(what), term.Clean(result)) // records have texts of senders that may not be known
	}
	return t.Flush()
}
