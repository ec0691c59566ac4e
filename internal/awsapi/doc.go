// Package awsapi receives the requests of the control plane: it assigns each request an ID, verifies its signature, determines its protocol
// and operation, binds and checks its input, calls the operation, and renders the response or AWS's error in the same protocol.
// The operations are in the packages below it, one file each; they use a Backend and are independent of encodings.
//
// The data plane, package invoke, shares the Authenticator.
package awsapi
