package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// scanMax is how many bytes a query reads; where it finds too few records in them, its page has a token to go on with.
const scanMax = 16 << 20

// ErrToken is the error of a token that no query has returned.
var ErrToken = errors.New("the token is not one that an earlier page has returned")

// Query selects records. Members that are not set match everything.
type Query struct {
	Account   string // that sees the records; required
	User      string // user name or access key ID
	Operation string // eventName
	Source    string // eventSource, or its first part: sagemaker
	Text      string // is contained in the record, in any case
	Failed    bool   // with an error code only

	From, To time.Time // From inclusive, To exclusive

	Limit int    // of a page; required
	Token string // Page.Next of an earlier page: older records
	After string // Page.Newest of an earlier page: newer records, the oldest first
}

// Page is the answer to a query, newest first, unless Query.After is set.
type Page struct {
	Records []Record
	Next    string // "" at the end
	Newest  string // the position behind the newest record of the page, or of the log where none was found
}

// position is a place between lines: a segment and an offset in it.
type position struct{ segment, offset int64 }

func (p position) String() string { return fmt.Sprintf("%d-%d", p.segment, p.offset) }

func parsePosition(text string) (p position, err error) {
	if _, err := fmt.Sscanf(text, "%d-%d", &p.segment, &p.offset); err != nil || p.String() != text || p.segment < 0 || p.offset < 0 {
		return p, ErrToken
	}
	return p, nil
}

// Query returns a page of records. It includes all that were added before it was called.
func (l *Log) Query(q Query) (Page, error) {
	if err := l.flush(); err != nil {
		l.note(err) // what is written can be read
	}
	numbers, err := l.segments()
	if err != nil {
		return Page{}, err
	}
	if q.After != "" {
		return l.forward(&q, numbers)
	}
	return l.backward(&q, numbers)
}

// backward reads from the newest record, or the token, to older ones.
func (l *Log) backward(q *Query, numbers []int64) (page Page, err error) {
	page.Records = []Record{}
	if len(numbers) == 0 {
		page.Newest = position{}.String()
	}
	from := position{-1, -1}
	if q.Token != "" {
		if from, err = parsePosition(q.Token); err != nil {
			return page, err
		}
	}
	read := 0
	for _, number := range slices.Backward(numbers) {
		if from.segment >= 0 && number > from.segment {
			continue
		}
		text, err := l.read(number)
		if err != nil {
			return page, err
		}
		if page.Newest == "" {
			page.Newest = position{number, int64(len(text))}.String()
		}
		if number == from.segment {
			text = text[:min(from.offset, int64(len(text)))]
		}
		for len(text) > 0 {
			start := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
			if len(page.Records) == q.Limit || read > scanMax {
				page.Next = position{number, int64(len(text))}.String()
				return page, nil
			}
			line := text[start:]
			read += len(line)
			text = text[:start]
			if r, ok := q.matches(line); ok {
				page.Records = append(page.Records, r)
			}
		}
	}
	return page, nil
}

// forward reads from a position to newer records.
func (l *Log) forward(q *Query, numbers []int64) (page Page, err error) {
	page.Records = []Record{}
	from, err := parsePosition(q.After)
	if err != nil {
		return page, err
	}
	page.Newest = q.After
	for _, number := range numbers {
		if number < from.segment {
			continue
		}
		text, err := l.read(number)
		if err != nil {
			return page, err
		}
		offset := int64(0)
		if number == from.segment {
			offset = min(from.offset, int64(len(text)))
		}
		for offset < int64(len(text)) && len(page.Records) < q.Limit {
			line := text[offset : offset+int64(bytes.IndexByte(text[offset:], '\n'))+1]
			if offset += int64(len(line)); len(line) > 0 {
				if r, ok := q.matches(line); ok {
					page.Records = append(page.Records, r)
				}
			}
			page.Newest = position{number, offset}.String()
		}
	}
	return page, nil
}

// read returns the whole lines of a segment; nothing where it was trimmed meanwhile.
func (l *Log) read(number int64) ([]byte, error) {
	text, err := os.ReadFile(l.path(number))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return text[:bytes.LastIndexByte(text, '\n')+1], nil
}

// matches decodes a line that the query selects. A line that is damaged is left out.
func (q *Query) matches(line []byte) (r Record, ok bool) {
	for _, text := range []string{q.Account, q.User, q.Operation} { // before it is decoded, which takes most of the time
		if !bytes.Contains(line, []byte(text)) {
			return r, false
		}
	}
	if q.Text != "" && !strings.Contains(strings.ToLower(string(line)), strings.ToLower(q.Text)) {
		return r, false
	}
	if json.Unmarshal(line, &r) != nil {
		return r, false
	}
	source, _, _ := strings.Cut(r.EventSource, ".")
	return r, r.Recipient == q.Account &&
		(q.User == "" || r.UserIdentity.UserName == q.User || r.UserIdentity.AccessKeyID == q.User) &&
		(q.Operation == "" || r.EventName == q.Operation) &&
		(q.Source == "" || r.EventSource == q.Source || source == q.Source) &&
		(!q.Failed || r.ErrorCode != "") &&
		(q.From.IsZero() || !r.EventTime.Before(q.From)) && (q.To.IsZero() || r.EventTime.Before(q.To))
}
