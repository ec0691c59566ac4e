package logs

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/fleet"
)

// searchMax is how many bytes of logs one call of FilterLogEvents searches. Then the page ends, perhaps empty, and its token goes on from there.
const searchMax = 64 << 20

// place is the position of an event among those of several streams: by time, then stream, then position.
type place struct {
	time   int64 // Unix milliseconds
	stream string
	at     int64
}

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.time, o.time), cmp.Compare(p.stream, o.stream), cmp.Compare(p.at, o.at))
}

func (p place) String() string { return fmt.Sprintf("%d/%d/%s", p.time, p.at, p.stream) }

func parsePlace(text string) (p place, err error) {
	parts := strings.SplitN(text, "/", 3)
	if len(parts) != 3 {
		return p, errors.New("it has no position")
	}
	p.stream = parts[2]
	if p.time, err = strconv.ParseInt(parts[0], 10, 64); err == nil {
		p.at, err = strconv.ParseInt(parts[1], 10, 64)
	}
	return p, err
}

func (a *API) filterEvents(ctx context.Context, c awsapi.Call, in *sdk.FilterLogEventsInput) (*sdk.FilterLogEventsOutput, error) {
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != nil {
		return nil, invalid("logStreamNames and logStreamNamePrefix cannot both be specified.")
	}
	if in.StartTime != nil && in.EndTime != nil && *in.StartTime > *in.EndTime {
		return nil, invalid("startTime must not be later than endTime.")
	}
	matches, err := parsePattern(text(in.FilterPattern))
	if err != nil {
		return nil, err
	}
	group, all, err := a.group(c.Scope, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	for _, name := range in.LogStreamNames {
		if !slices.ContainsFunc(all, func(s stream) bool { return s.name == name }) {
			return nil, notFound("log stream")
		}
	}
	all = slices.DeleteFunc(all, func(s stream) bool {
		return len(in.LogStreamNames) > 0 && !slices.Contains(in.LogStreamNames, s.name) || !strings.HasPrefix(s.name, text(in.LogStreamNamePrefix))
	})
	bind := bindOf(c.Operation, []any{group, in.LogStreamNames, in.LogStreamNamePrefix, in.StartTime, in.EndTime, in.FilterPattern})
	var after place
	if in.NextToken != nil {
		position, err := awsapi.Open(*in.NextToken, bind)
		if err == nil {
			after, err = parsePlace(position)
		}
		if err != nil {
			return nil, invalid("The specified nextToken is invalid.")
		}
	}
	r := between(in.StartTime, in.EndTime)
	if in.EndTime != nil {
		r.Until = r.Until.Add(time.Millisecond) // AWS: FilterLogEvents, endTime: only later events are left out
	}
	// A line that arrives from here on may be read from one stream and not from another, which was read before. A client that follows would miss
	// it: it goes on from the time of the newest event.
	if known := a.now().Truncate(time.Millisecond).Add(time.Millisecond); r.Until.IsZero() || r.Until.After(known) {
		r.Until = known
	}
	if after != (place{}) && (r.Since.IsZero() || r.Since.UnixMilli() < after.time) {
		r.Since = time.UnixMilli(after.time)
	}
	f := filtering{group: group, matches: matches, limit: limitOf(in.Limit, eventsMax), out: []types.FilteredLogEvent{}}
	if err := f.run(ctx, a.source, all, r, after); err != nil {
		return nil, err
	}
	out := &sdk.FilterLogEventsOutput{Events: f.out, SearchedLogStreams: []types.SearchedLogStream{}} // AWS: it has been empty since 2020
	if f.more {
		out.NextToken = new(awsapi.Seal(f.last.String(), bind))
	}
	return out, nil
}

// filtering is a call of FilterLogEvents, in progress.
type filtering struct {
	group   string
	matches func(string) bool
	limit   int

	out      []types.FilteredLogEvent
	size     int   // of out, in bytes
	searched int   // bytes
	last     place // of the last event that was looked at
	more     bool  // after it
}

// run reads streams side by side, in the order of their events.
func (f *filtering) run(ctx context.Context, source Source, all []stream, r fleet.LogRange, after place) error {
	var heads readings
	defer func() {
		for _, h := range heads {
			h.stop()
		}
	}()
	for _, s := range all {
		if !r.Since.IsZero() && s.Last.Before(r.Since) {
			continue
		}
		h := &reading{stream: s}
		h.next, h.stop = iter.Pull2(source.ReadLog(ctx, s.Copy, r))
		ok, err := h.advance()
		if err != nil || !ok {
			h.stop()
			if err != nil {
				return err
			}
			continue
		}
		heads = append(heads, h)
	}
	heap.Init(&heads)
	for len(heads) > 0 {
		h := heads[0]
		if at := h.place(); at.compare(after) > 0 && !f.take(h, at) {
			return nil
		}
		ok, err := h.advance()
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(&heads, 0)
			continue
		}
		h.stop()
		heap.Pop(&heads)
	}
	return nil
}

// take looks at an event, and returns false where the page is full.
func (f *filtering) take(h *reading, at place) bool {
	if f.searched > searchMax {
		f.more = true
		return false
	}
	e := h.event
	if f.matches(e.text) {
		if len(f.out) == f.limit || f.size+e.size() > bytesMax && len(f.out) > 0 {
			f.more = true
			return false
		}
		f.size += e.size()
		f.out = append(f.out, types.FilteredLogEvent{
			LogStreamName: new(h.name), Timestamp: &at.time, IngestionTime: &at.time, Message: new(e.text),
			EventId: new(fmt.Sprintf("%016d%020d%020d", max(0, at.time), hashOf(f.group, h.name), e.at)),
		})
	}
	f.searched += e.size()
	f.last = at
	return true
}

// reading is a stream that is read, and its next event.
type reading struct {
	stream
	next  func() (fleet.Line, error, bool)
	stop  func()
	event event
}

func (r *reading) place() place { return place{r.event.time.UnixMilli(), r.name, r.event.at} }

// advance reads the next event; false at the end. A log that was removed meanwhile ends.
func (r *reading) advance() (bool, error) {
	l, err, ok := r.next()
	if errors.Is(err, fleet.ErrNoLog) {
		return false, nil
	}
	if !ok || err != nil {
		return false, err
	}
	r.event = eventOf(l)
	return true, nil
}

// readings is a heap by the places of the next events.
type readings []*reading

func (r readings) Len() int           { return len(r) }
func (r readings) Less(i, j int) bool { return r[i].place().compare(r[j].place()) < 0 }
func (r readings) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }

// Push implements heap.Interface.
func (r *readings) Push(x any) { *r = append(*r, x.(*reading)) }

// Pop implements heap.Interface.
func (r *readings) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}
