// Package plainjson writes values of this program as JSON for people and their programs: as encoding/json does, but enumerations are their
// names, in AWS's word where it has one, and durations are seconds, as in AWS's APIs.
//
// It only writes. The journal and the snapshots keep the numbers of encoding/json, which they are read from and checked against.
package plainjson
