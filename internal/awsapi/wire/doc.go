// Package wire converts between bytes and the SDK's structs, in the protocols of AWS's services: awsJson 1.0 and 1.1, rpc-v2-cbor, and Query
// with its XML responses. One binder knows the structs; each codec knows only its own syntax. The wire name of a member is the name of its Go
// field, which is true of every struct of the SDKs used here.
//
// A request is decoded (DecodeJSON, DecodeCBOR, DecodeQuery) into an operation's input and checked against the API model's constraints
// (Validate); the operation's output is encoded (EncodeJSON, EncodeCBOR, EncodeQuery).
package wire
