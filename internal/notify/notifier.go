package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/queue"
)

// Limits of sending.
const (
	queueMax  = 1000 // waiting messages of one topic; beyond it the oldest are dropped
	topicsMax = 256  // topics that are sent to at the same time
	tries     = 5
	firstWait = 500 * time.Millisecond // between attempts; doubles
	timeout   = 10 * time.Second       // of one attempt, and the longest wait between attempts
	lookEvery = time.Minute            // how often the outbox is read without a Wake
	answerMax = 64 << 10               // bytes of an answer that are read
)

// Outbox has the messages that wait. They are committed with the events that they are about.
type Outbox interface {
	// Topics returns how many messages wait, by topic.
	Topics(ctx context.Context) (map[string]int, error)

	// Waiting returns how many messages of a topic wait.
	Waiting(ctx context.Context, topic string) (int, error)

	// First returns the oldest message of a topic; ok is false if none waits.
	First(ctx context.Context, topic string) (id int64, e engine.AlarmNotifies, ok bool, err error)

	// Remove removes a message.
	Remove(ctx context.Context, id int64) error
}

// Options configure a Notifier.
type Options struct {
	Outbox Outbox

	// URL returns the URL that a topic is mapped to; ok is false if there is none.
	URL func(topic string) (url string, ok bool)

	// Done receives the outcome of a message. It may block.
	Done func(context.Context, engine.Notified)

	Client    *http.Client  // nil: NewClient(nil)
	FirstWait time.Duration // 0: the default
	Log       *slog.Logger
}

// Notifier sends messages: those of one topic in order, those of different topics concurrently. A message is removed from the outbox after it was
// delivered or dropped. If the server is killed in between, the next one sends it again.
type Notifier struct {
	o      Options
	wake   chan struct{}
	topics *queue.Queue[string, struct{}] // topics that have messages
}

// New returns a Notifier. Call Run to start it.
func New(o Options) *Notifier {
	if o.Client == nil {
		o.Client = NewClient(nil)
	}
	if o.FirstWait == 0 {
		o.FirstWait = firstWait
	}
	n := &Notifier{o: o, wake: make(chan struct{}, 1)}
	n.topics = queue.New(queue.Options[string, struct{}]{
		Workers: topicsMax, Work: func(ctx context.Context, topic string, _ struct{}) { n.work(ctx, topic) },
	})
	return n
}

// Wake makes the notifier look at the outbox. It does not block.
func (n *Notifier) Wake() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run sends messages until ctx ends, beginning with those that an earlier server left.
func (n *Notifier) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { n.topics.Run(ctx) })
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for ctx.Err() == nil {
		if err := n.dispatch(ctx); err != nil && ctx.Err() == nil {
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

// dispatch queues the topics that have messages.
func (n *Notifier) dispatch(ctx context.Context) error {
	topics, err := n.o.Outbox.Topics(ctx)
	for topic := range topics {
		n.topics.Put(topic, struct{}{})
	}
	return err
}

// work sends a topic's messages. If the outbox fails, the next look at it tries again.
func (n *Notifier) work(ctx context.Context, topic string) {
	if err := n.send(ctx, topic); err != nil && ctx.Err() == nil {
		n.o.Log.Error("messages of a topic wait for the outbox", "topic", topic, "error", err)
	}
}

// send sends a topic's messages until none is left. Beyond queueMax the oldest are dropped, which is checked before each message.
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
			n.report(ctx, e, fmt.Errorf("more than %d messages of the topic wait", queueMax))
		} else {
			n.report(ctx, e, n.deliver(ctx, e))
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

// remove removes a message, with as many tries as it takes: without that, it would be sent again.
func (n *Notifier) remove(ctx context.Context, id int64) error {
	return n.backoff().Retry(ctx, func(int) (again bool, least time.Duration, err error) {
		err = n.o.Outbox.Remove(ctx, id)
		if err != nil {
			n.o.Log.Warn("a message that is done stays in the outbox for now", "error", err)
		}
		return err != nil, 0, err
	})
}

func (n *Notifier) backoff() queue.Backoff { return queue.Backoff{First: n.o.FirstWait, Last: timeout} }

// report reports the outcome of a message.
func (n *Notifier) report(ctx context.Context, e engine.AlarmNotifies, err error) {
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
	to, ok := n.o.URL(e.Action.ARN)
	if !ok {
		return errors.New("nothing is mapped to this action: see webhooks: in bellows.yaml")
	}
	text, err := body(e)
	if err != nil {
		return err
	}
	return n.backoff().Retry(ctx, func(try int) (again bool, least time.Duration, err error) {
		err = n.post(ctx, to, e.Action.ARN, text)
		switch {
		case err == nil, errors.Is(err, errForbidden):
			return false, 0, err
		case try == tries:
			return false, 0, fmt.Errorf("after %d tries: %w", tries, err)
		default:
			return true, 0, err
		}
	})
}

func (n *Notifier) post(ctx context.Context, to, topic string, text []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(text))
	if err != nil {
		return errors.New("making a request: the URL is not valid")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Amz-Sns-Message-Type", "Notification")
	req.Header.Set("X-Amz-Sns-Topic-Arn", topic)
	resp, err := n.o.Client.Do(req)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		return failed.Err // the URL may hold a secret, and errors are in alarms' history
	}
	if err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, answerMax) // so that the connection can be used again; the status is the answer
	_ = resp.Body.Close()                             // likewise
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	return nil
}
