// Package notify delivers alarm notifications: it posts SNS's alarm message to the URL that a topic is mapped to, with time-outs and retries, and
// reports the outcome. It delays no evaluation, and no topic delays another. Messages wait in an outbox that is committed with the events they
// are about, and are removed after delivery: each is delivered at least once.
//
// The server gives it the log's outbox, wakes it at AlarmNotifies events and steps the Notified inputs that it returns.
package notify
