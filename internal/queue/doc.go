// Package queue runs background work that others ask for and do not wait for.
//
// A Queue holds items by key. Putting an item never blocks: one for a key that still waits replaces the earlier item, and keys beyond a limit are
// refused. Items are worked on in the order in which their keys came, several at once, but never two of one key.
//
//	q := queue.New(queue.Options[string, Message]{Workers: 2, Max: 1000, Work: send})
//	go q.Run(ctx)            // until ctx ends; then waits for the work in progress
//	q.Put("topic", message)
//
// Retry repeats what failed, with growing pauses.
package queue
