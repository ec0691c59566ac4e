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
	queueMax  = 1024 // messages that wait
	senders   = 4    // that are sent at once
	tries     = 5
	firstWait = 500 * time.Millisecond // between tries; it doubles
	timeout   = 10 * time.Second       // of one try
)

// Options are what a Notifier works with.
type Options struct {
	// URL returns where a topic's messages go; ok is false where nothing is mapped to it.
	URL func(topic string) (url string, ok bool)

	// Done takes what came of a message. It may block.
	Done func(context.Context, engine.Notified)

	Client    *http.Client  // nil: one of its own
	FirstWait time.Duration // 0: the default
	Log       *slog.Logger
}

// Notifier sends messages.
type Notifier struct {
	o     Options
	queue chan engine.AlarmNotifies
}

// New returns a notifier; Run makes it work.
func New(o Options) *Notifier {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: timeout}
	}
	if o.FirstWait == 0 {
		o.FirstWait = firstWait
	}
	return &Notifier{o, make(chan engine.AlarmNotifies, queueMax)}
}

// Take queues a message. It never blocks: where too many wait, the message is dropped, and the log says so.
func (n *Notifier) Take(e engine.AlarmNotifies) {
	select {
	case n.queue <- e:
	default:
		n.o.Log.Error("a notification is dropped: too many wait", "alarm", e.Alarm.Name, "topic", e.Action.ARN)
	}
}

// Run sends messages until ctx ends.
func (n *Notifier) Run(ctx context.Context) {
	var work sync.WaitGroup
	for range senders {
		work.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-n.queue:
					n.handle(ctx, e)
				}
			}
		})
	}
	work.Wait()
	n.o.Client.CloseIdleConnections()
}

// handle sends one message and tells what came of it.
func (n *Notifier) handle(ctx context.Context, e engine.AlarmNotifies) {
	done := engine.Notified{
		Scope: e.Scope, Alarm: e.Alarm.Name, Action: e.Action, Updated: e.Alarm.Updated, Composite: e.Composite != nil, Contributor: e.Contributor,
	}
	if err := n.deliver(ctx, e); err != nil {
		done.Error = err.Error()
		n.o.Log.Warn("a notification failed", "alarm", e.Alarm.Name, "topic", e.Action.ARN, "error", err)
	}
	if ctx.Err() == nil {
		n.o.Done(ctx, done)
	}
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
