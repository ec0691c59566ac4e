// Package e2e holds the end-to-end tests: the real binary, real model servers, real clients over real sockets. They build
// ./cmd/bellows once, start servers of it on free ports, and drive them with boto3, the AWS CLI and the AWS SDKs for Go and JavaScript.
//
// A test is parallel unless it measures how a server keeps up with its clients. Policy clocks run faster than the wall's, and a loaded
// machine stands still for seconds: what a test waits for must come however late, so whoever waits for an alarm feeds it meanwhile.
package e2e
