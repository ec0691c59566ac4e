// Package process is a fleet whose instances are child processes: model servers that keep SageMaker's container contract (GET
// /ping, POST /invocations, SAGEMAKER_BIND_TO_PORT, SIGTERM then SIGKILL), each in a process group of its own.
//
// No process is ever leaked. Every one carries its instance's identity in its environment and has a record on disk that is
// written before it starts; a server that returns after a crash finds its instances by both, adopts what still serves, and kills
// what nothing names, workers without their leader among it.
//
// Each instance has one goroutine, its keeper, which starts, watches, restarts and stops it. Close ends the keepers and leaves
// the processes; StopAll ends both.
package process
