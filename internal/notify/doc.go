// Package notify carries out alarm actions that are topics: it posts SNS's alarm message to the URL that a topic is mapped to, with
// time-outs and retries, and tells what came of it. It never delays an evaluation, and no topic delays another. Messages wait in an outbox
// that is written with the events that they are about, and are removed once they are done: each is delivered at least once.
//
// cmd/bellows gives it the journal's outbox, wakes it at the engine's AlarmNotifies events and steps its Notified inputs.
package notify
