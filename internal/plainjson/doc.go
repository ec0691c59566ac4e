// Package plainjson writes values of this program as JSON for people and their programs: as encoding/json does, but enumerations are their
// names, in AWS's word where it has one, durations are seconds, as in AWS's APIs, and members that have no name of their own for JSON are
// named after their fields, in lower case with underscores.
//
// It only writes. The journal and the snapshots keep the numbers of encoding/json, which they are read from and checked against.
package plainjson
