// Package sigv4 verifies AWS Signature Version 4. It is pure: the request is a value, the time an argument, and secrets
// come from a function. The SDK's signer cannot be used for verification, since it accepts no list of signed headers.
//
// Begin checks the head of a request before its body is read; Finish compares the signature when the hash of the body is known. Keys
// caches derived signing keys, so that a verification does not allocate. Package awsapi calls them for every request.
// AWS: IAM user guide, Signature Version 4 for API requests.
package sigv4
