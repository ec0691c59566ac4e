// Package scenario is the text language of behaviour: someone who knows AWS and no Go reads a target, its policies, a load, and
// what came of it. A file is blocks of commands; after a line of four dashes stands what they print, up to an empty line.
//
// Run executes a file on package sim and returns it with what really happened; a test compares the two, and the command
// `bellows simulate` prints the latter. Commands:
//
//	endpoint NAME variant=V instances=N start=90s
//	target   NAME/V min=N max=N
//	track    POLICY on NAME/V target=X out-cooldown=300s in-cooldown=300s scale-in=off
//	step     POLICY on NAME/V change=1 lower=0 upper=10 cooldown=300s
//	alarm    NAME policy=POLICY on NAME/V metric=NS/M above=X periods=N of=M missing=breaching
//	metric   NS/M 100x5 _ 20          (a value a minute from now on; _ is none; the clock runs with it)
//	load     NAME/V 560               (invocations a minute, from now on)
//	set      NAME/V N                 (instances, by hand)
//	run      5m
package scenario
