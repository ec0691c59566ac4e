// Package awsapi receives the requests of the control plane: it gives each request an id, verifies its signature, tells its protocol
// and operation, binds and checks its input, calls the operation, and renders the answer or AWS's error in the same protocol.
// The operations live in the packages below it, one file each; they take a Backend and never see bytes.
//
// cmd/bellows makes a Server and mounts it; package invoke, the data plane, shares its Authenticator.
package awsapi
