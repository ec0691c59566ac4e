// Package hosting holds the state machines of SageMaker hosting: models, endpoint configs, endpoints, their production
// variants and the instances behind them. It decides which instances should exist and which of them take invocations; it
// starts nothing itself.
//
// It is pure: time is an argument, nothing is logged, and the same calls give the same answers. Package engine drives it;
// fleets read its InstanceSpec.
package hosting
