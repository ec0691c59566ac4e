package sts

// GetCallerIdentity is the operation, for tests that set the caller.
var GetCallerIdentity = getCallerIdentity
