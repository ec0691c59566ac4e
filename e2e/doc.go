// Package e2e holds the end-to-end tests: the real binary, real model servers, real clients over real sockets. They build
// ./cmd/bellows once, start servers of it on free ports, and drive them with boto3, the AWS CLI and the AWS SDKs for Go and JavaScript.
//
// A test is parallel unless it measures how a server keeps up with its clients. Policy time runs faster than wall time, and a loaded
// machine may stall for seconds, so tests must tolerate delays; a test that waits for an alarm continues to publish its metric.
package e2e
