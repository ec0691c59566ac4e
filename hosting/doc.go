// Package hosting holds the state machines of SageMaker hosting: models, endpoint configs, and endpoints with their production
// variants. It decides which instances and copies should exist and which of them take invocations; it starts nothing itself.
//
// An Endpoint has variants. A Variant is one fleet: while an endpoint is updated there are two of the same name, which differ in their
// Generation. A fleet has instances, which are machines, and an Instance holds copies, which are model servers: one, unless inference
// components share it.
//
// The package is pure: time is an argument, nothing is logged, and the same calls give the same results. Package engine calls it;
// fleets get its InstanceSpecs and answer with InstanceReports.
package hosting
