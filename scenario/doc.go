// Package scenario is the text language of behaviour: someone who knows AWS and no Go reads a target, its policies, a load, and
// the resulting behaviour. A file consists of blocks of commands; a line of four dashes is followed by their output, up to an empty line.
//
// Run executes a file on package sim and returns it with the actual output; a test compares the two, and the command
// `bellows simulate` prints the output. docs/scenarios.md lists the commands.
package scenario
