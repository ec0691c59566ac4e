package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"bellows.dev/bellows/engine"
)

// How messages are sent.
const (
	queueMax  = 1000 // messages of one topic that wait; the oldest go first
	topicsMax = 256  // topics that are sent to at once
	tries     = 5
	firstWait = 500 * time.Millisecond // between tries; it doubles
	timeout   = 10 * time.Second       // of one try
	lookEvery = time.Minute            // at the outbox, without a Wake
)

// Outbox has the messages that wait. They are written in the transaction of the events that they are about.
type Outbox interface {
	// Topics returns how many messages wait, by topic.
	Topics(ctx context.Context) (map[string]int, error)

	// Waiting returns how many messages of a topic wait.
	Waiting(ctx context.Context, topic string) (int, error)

	// First returns the oldest message of a topic; ok is false where none waits.
	First(ctx context.Context, topic string) (id int64, e engine.AlarmNotifies, ok bool, err error)

	// Remove removes a message.
	Remove(ctx context.Context, id int64) error
}

// Options are what a Notifier works with.
type Options struct {
	Outbox Outbox

	// URL returns where a topic's messages go; ok is false where nothing is mapped to it.
	URL func(topic string) (url string, ok bool)

	// Done takes what came of a message. It may block.
	Done func(context.Context, engine.Notified)

	Client    *http.Client  // nil: NewClient without an exception
	FirstWait time.Duration // 0: the default
	Log       *slog.Logger
}

// Notifier sends messages: those of one topic in their order, those of different topics beside one another. A message is removed from the
// outbox after it was delivered, or given up: one whose server is killed in between is sent again.
type Notifier struct {
	o    Options
	wake chan struct{}

	mu   sync.Mutex
	busy map[string]bool // topics that are sent to
}

// New returns a notifier; Run makes it work.
func New(o Options) *Notifier {
	if o.Client == nil {
		o.Client = NewClient(nil)
	}
	if o.FirstWait == 0 {
		o.FirstWait = firstWait
	}
	return &Notifier{o: o, wake: make(chan struct{}, 1), busy: map[string]bool{}}
}

// Wake says that there are messages in the outbox. It never blocks.
func (n *Notifier) Wake() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run sends messages until ctx ends, those first that an earlier server left.
func (n *Notifier) Run(ctx context.Context) {
	var work sync.WaitGroup
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for ctx.Err() == nil {
		if err := n.dispatch(ctx, &work); err != nil && ctx.Err() == nil {
			n.o.Log.Error("the outbox cannot be read", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-n.wake:
		case <-look.C:
		}
	}
	work.Wait()
	n.o.Client.CloseIdleConnections()
}

// dispatch starts a sender for each topic that has messages and none.
func (n *Notifier) dispatch(ctx context.Context, work *sync.WaitGroup) error {
	topics, err := n.o.Outbox.Topics(ctx)
	if err != nil {
		return err
	}
	for topic := range topics {
		if !n.begin(topic) {
			continue
		}
		work.Go(func() {
			err := n.send(ctx, topic)
			n.end(topic)
			if err != nil && ctx.Err() == nil {
				n.o.Log.Error("messages of a topic wait for the outbox", "topic", topic, "error", err)
				return // the next look tries again
			}
			n.Wake() // another message may have come, or another topic waits for its turn
		})
	}
	return nil
}

func (n *Notifier) begin(topic string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.busy[topic] || len(n.busy) >= topicsMax {
		return false
	}
	n.busy[topic] = true
	return true
}

func (n *Notifier) end(topic string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.busy, topic)
}

// send sends a topic's messages until none is left; the oldest that are too many are given up, also those that became too many while a message
// was sent.
func (n *Notifier) send(ctx context.Context, topic string) error {
	for ctx.Err() == nil {
		waiting, err := n.o.Outbox.Waiting(ctx, topic)
		if err != nil {
			return err
		}
		id, e, ok, err := n.o.Outbox.First(ctx, topic)
		if err != nil || !ok {
			return err
		}
		if waiting > queueMax {
			n.tell(ctx, e, fmt.Errorf("more than %d messages of the topic wait", queueMax))
		} else {
			n.tell(ctx, e, n.deliver(ctx, e))
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the next server sends it
		}
		if err := n.remove(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a message, as often as it takes: to look again before would be to send it again.
func (n *Notifier) remove(ctx context.Context, id int64) error {
	for wait := n.o.FirstWait; ; wait = min(2*wait, timeout) {
		err := n.o.Outbox.Remove(ctx, id)
		if err == nil {
			return nil
		}
		n.o.Log.Warn("a message that is done stays in the outbox for now", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// tell tells what came of a message.
func (n *Notifier) tell(ctx context.Context, e engine.AlarmNotifies, err error) {
	done := engine.Notified{
		Scope: e.Scope, Alarm: e.Alarm.Name, Action: e.Action, Updated: e.Alarm.Updated, Composite: e.Composite != nil, Contributor: e.Contributor,
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		done.Error = err.Error()
		n.o.Log.Warn("a notification failed", "alarm", e.Alarm.Name, "topic", e.Action.ARN, "error", err)
	}
	n.o.Done(ctx, done)
}

func (n *Notifier) deliver(ctx context.Context, e engine.AlarmNotifies) error {
	url, ok := n.o.URL(e.Action.ARN)
	if !ok {
		return errors.New("nothing is mapped to this action: see webhooks: in bellows.yaml")
	}
	text, err := body(e)
	if err != nil {
		return err
	}
	wait := n.o.FirstWait
	for try := 1; ; try++ {
		err := n.post(ctx, url, e.Action.ARN, text)
		if err == nil {
			return nil
		}
		if errors.Is(err, errForbidden) {
			return err
		}
		if try == tries {
			return fmt.Errorf("after %d tries: %w", tries, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait *= 2
	}
}

func (n *Notifier) post(ctx context.Context, url, topic string, text []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Amz-Sns-Message-Type", "Notification")
	req.Header.Set("X-Amz-Sns-Topic-Arn", topic)
	resp, err := n.o.Client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection can be used again
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	return nil
}
