package logs

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/fleet"
)

// Limits of a page of events. AWS: GetLogEvents, limit; PutLogEvents has the overhead of an event.
const (
	eventsMax     = 10_000
	bytesMax      = 1 << 20
	eventOverhead = 26
)

// cursor is the position in a stream that a token of GetLogEvents names: events from it on, or before it.
type cursor struct {
	forward bool
	at      int64
}

// hashOf identifies a stream in tokens and event IDs.
func hashOf(group, name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(group + "\x00" + name)) // writing to a hash cannot fail
	return h.Sum64()
}

// token renders a cursor as AWS does: f/ or b/, and 56 digits.
func (c cursor) token(stream uint64) *string {
	direction := "b/"
	if c.forward {
		direction = "f/"
	}
	return new(fmt.Sprintf("%s%020d%036d", direction, stream, c.at))
}

func parseCursor(token string, stream uint64) (cursor, error) {
	direction, digits, _ := strings.Cut(token, "/")
	rest, own := strings.CutPrefix(digits, fmt.Sprintf("%020d", stream))
	at, err := strconv.ParseInt(rest, 10, 64)
	if (direction != "f" && direction != "b") || !own || len(rest) != 36 || err != nil || at < 0 {
		return cursor{}, invalid("The specified nextToken is invalid.")
	}
	return cursor{direction == "f", at}, nil
}

// event is a line that was kept from reading.
type event struct {
	at, next int64
	time     time.Time
	text     string
}

// eventOf copies a line. A message is UTF-8. AWS: InputLogEvent, message.
func eventOf(l fleet.Line) event {
	return event{l.At, l.Next, l.Time, strings.ToValidUTF8(string(l.Text), "\uFFFD")}
}

func (e event) size() int { return len(e.text) + eventOverhead }

// between returns a range of times, of which the end is left out; nil is no bound. Times that no clock shows are no bound either.
func between(start, end *int64) (r fleet.LogRange) {
	const most = math.MaxInt64 / 1_000_000 // milliseconds that time.Time holds as nanoseconds
	if start != nil {
		r.Since = time.UnixMilli(min(*start, most))
	}
	if end != nil {
		r.Until = time.UnixMilli(min(*end, most))
	}
	return r
}

func (a *API) getEvents(ctx context.Context, c awsapi.Call, in *sdk.GetLogEventsInput) (*sdk.GetLogEventsOutput, error) {
	if in.StartTime != nil && in.EndTime != nil && *in.StartTime > *in.EndTime {
		return nil, invalid("startTime must not be later than endTime.")
	}
	group, all, err := a.group(c.Scope, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(s stream) bool { return s.name == *in.LogStreamName })
	if i < 0 {
		return nil, notFound("log stream")
	}
	id := hashOf(group, all[i].name)
	at := cursor{forward: in.StartFromHead != nil && *in.StartFromHead, at: math.MaxInt64}
	if at.forward {
		at.at = 0
	}
	if in.NextToken != nil {
		if at, err = parseCursor(*in.NextToken, id); err != nil {
			return nil, err
		}
	}
	page, err := a.page(ctx, all[i], at, between(in.StartTime, in.EndTime), limitOf(in.Limit, eventsMax))
	if err != nil {
		return nil, err
	}
	first, last := at.at, at.at
	if len(page) > 0 {
		first, last = page[0].at, page[len(page)-1].next
	} else if at.at == math.MaxInt64 {
		first, last = 0, 0
	}
	out := &sdk.GetLogEventsOutput{
		Events: []types.OutputLogEvent{}, NextForwardToken: cursor{true, last}.token(id), NextBackwardToken: cursor{false, first}.token(id),
	}
	for _, e := range page {
		ms := e.time.UnixMilli()
		out.Events = append(out.Events, types.OutputLogEvent{Timestamp: &ms, IngestionTime: &ms, Message: new(e.text)})
	}
	return out, nil
}

// page returns the events from a cursor on, or the last ones before it, in the order in which they were written.
func (a *API) page(ctx context.Context, s stream, at cursor, r fleet.LogRange, limit int) (out []event, _ error) {
	if at.forward {
		r.From = at.at
	}
	size := 0
	for l, err := range a.source.ReadLog(ctx, s.Copy, r) {
		if err != nil {
			return nil, lost(err)
		}
		if !at.forward && l.At >= at.at {
			break
		}
		e := eventOf(l)
		if full := len(out) == limit || size+e.size() > bytesMax && len(out) > 0; full && at.forward {
			break
		}
		out = append(out, e)
		size += e.size()
		drop := 0
		for len(out)-drop > limit || size > bytesMax && len(out)-drop > 1 {
			size -= out[drop].size()
			drop++
		}
		out = out[drop:]
	}
	return out, nil
}

// lost converts the error of a log that was removed since it was listed.
func lost(err error) error {
	if errors.Is(err, fleet.ErrNoLog) {
		return notFound("log stream")
	}
	return err
}
