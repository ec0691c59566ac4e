// Package notify carries out alarm actions that are topics: it posts SNS's alarm message to the URL that a topic is mapped to, with
// retries, and tells what came of it. It never delays an evaluation: messages wait in a bounded queue of their own.
//
// cmd/bellows feeds it the engine's AlarmNotifies events and steps its Notified inputs.
package notify
