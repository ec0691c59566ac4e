// Package wire turns bytes into the SDK's structs and back, in the protocols that AWS's services speak: awsJson 1.0 and 1.1,
// rpc-v2-cbor, and Query with its XML answers. One binder knows the structs; each codec knows only its own syntax. The wire name
// of a member is its Go field's name, which holds for every struct of the SDKs used here.
//
// Package awsapi calls Decode, Validate and Encode; nothing else does.
package wire
