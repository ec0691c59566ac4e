// Package sigv4 verifies AWS Signature Version 4. It is pure: the request is a set of facts, the time an argument, and secrets
// come from a function. The SDK's own signer cannot be used the other way round: it takes no list of signed headers.
//
// Begin checks the head of a request before its body is read, Finish compares the signature once the hash of the body is known. Keys
// remembers derived signing keys: with it a verification allocates nothing. Package awsapi calls them for every request.
// AWS: IAM user guide, Signature Version 4 for API requests.
package sigv4
