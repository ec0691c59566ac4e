// Package e2e holds the end-to-end tests: the real binary, real model servers, real clients over real sockets. They build
// ./cmd/bellows once, start servers of it on free ports, and drive them with boto3, the AWS CLI and the AWS SDK for Go.
package e2e
