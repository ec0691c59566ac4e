// Package process is a fleet whose instances are child processes: model servers that keep SageMaker's container contract (GET
// /ping, POST /invocations, SAGEMAKER_BIND_TO_PORT, SIGTERM then SIGKILL), each in a session of its own.
//
// No process is ever leaked, and no other directory's process is ever touched. A fleet's directory has an identity that no copy of it
// shares. Every process carries that and its instance's identity in its environment, runs in a control group named after both where
// there are control groups, and has a record on disk that is written before it starts. A server that returns after a crash finds its
// instances by these, adopts what still serves, and kills what is proven to be its own and nothing names, workers and daemons without
// their leader among it. What is not proven to be its own is left alone, and a warning says so.
//
// Each instance has one goroutine, its keeper, which starts, watches, restarts and stops it. Close ends the keepers and leaves
// the processes, as every failure of the server does; only StopAll ends both.
package process
