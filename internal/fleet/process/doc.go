// Package process is a fleet whose copies are child processes: model servers that keep SageMaker's container contract (GET
// /ping, POST /invocations, SAGEMAKER_BIND_TO_PORT, SIGTERM then SIGKILL), each in a session of its own. All instances are on this machine.
//
// No process is ever leaked, and no other directory's process is ever touched. A fleet's directory has an identity that no duplicate of it
// shares. Every process carries that and its copy's identity in its environment, runs in a control group named after both where
// there are control groups, and has a record on disk that is written before it starts. A server that starts after a crash finds its
// copies by these, adopts those that still run, and kills processes that are proven to be its own and that no record names, such as
// workers and daemons that have lost their leader. What is not proven to be its own is left alone, and a warning is logged.
//
// Each copy has one goroutine, its keeper, which starts, watches, restarts and stops it. Close ends the keepers and leaves
// the processes, as every failure of the server does; only StopAll ends both.
package process
