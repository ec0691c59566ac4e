// Package scenario is the text language of behaviour: someone who knows AWS and no Go reads a target, its policies, a load, and
// what came of it. A file is blocks of commands; after a line of four dashes stands what they print, up to an empty line.
//
// Run executes a file on package sim and returns it with what really happened; a test compares the two, and the command
// `bellows simulate` prints the latter. docs/scenarios.md lists the commands.
package scenario
