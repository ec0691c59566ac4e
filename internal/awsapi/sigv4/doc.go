// Package sigv4 verifies AWS Signature Version 4. It is pure: the request is a set of facts, the time an argument, and secrets
// come from a function. The SDK's own signer cannot be used the other way round: it takes no list of signed headers.
//
// Package awsapi calls Verify for every request, in the control plane and in the data plane.
// AWS: IAM user guide, Signature Version 4 for API requests.
package sigv4
