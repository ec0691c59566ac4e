package control

import (
	"context"
	"time"

	"bellows.dev/bellows/engine"
)

// usageScans reads the resource usage of instances beside the steps, since that takes long for many processes. Its methods are for one caller.
type usageScans struct {
	last   time.Time // policy time of the newest scan's beginning
	result chan []engine.InstanceUsage
}

// take returns the result of a scan that has ended, once, and starts the next one if it is due.
func (u *usageScans) take(ctx context.Context, now time.Time, scan func(context.Context) []engine.InstanceUsage) (found []engine.InstanceUsage) {
	if u.result != nil {
		select {
		case found = <-u.result:
			u.result = nil
		default:
			return nil
		}
	}
	if now.Sub(u.last) >= usageEvery {
		u.last = now
		result := make(chan []engine.InstanceUsage, 1)
		u.result = result
		go func() { result <- scan(ctx) }()
	}
	return found
}

// join waits for a scan that is in progress.
func (u *usageScans) join() {
	if u.result != nil {
		<-u.result
		u.result = nil
	}
}
