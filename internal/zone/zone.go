// Package zone turns the names of time zones into data: pure packages read no files, so requests carry the zone that they name.
//
// The zones are those of the machine, or where it has none those built in.
package zone

import (
	"encoding/binary"
	"errors"
	"time"
	_ "time/tzdata" // for machines without zones
)

// ErrUnknown says that there is no zone of a name.
var ErrUnknown = errors.New("there is no such time zone")

// The data covers what schedules can name.
const (
	yearFirst = 1970
	yearLast  = 2200
)

// change is a moment from which a clock differs from UTC by offset seconds.
type change struct {
	at     int64
	offset int
	saving bool
	name   string
}

func (c change) same(o change) bool {
	return c.offset == o.offset && c.saving == o.saving && c.name == o.name
}

// Data returns a zone of the IANA database as time.LoadLocationFromTZData reads it. It fails with ErrUnknown. Names that mean
// something else on each machine are unknown.
func Data(name string) ([]byte, error) {
	if name == "" || name == "Local" || name == "Factory" || name == "localtime" || name == "posixrules" {
		return nil, ErrUnknown
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, ErrUnknown
	}
	var changes []change
	end := time.Date(yearLast, time.January, 1, 0, 0, 0, 0, time.UTC)
	for t := time.Date(yearFirst, time.January, 1, 0, 0, 0, 0, time.UTC).In(loc); t.Before(end); {
		short, offset := t.Zone()
		x := change{t.Unix(), offset, t.IsDST(), short}
		if n := len(changes); n == 0 || !changes[n-1].same(x) {
			changes = append(changes, x)
		}
		_, next := t.ZoneBounds()
		if next.IsZero() {
			break
		}
		if !next.After(t) {
			next = t.Add(24 * time.Hour) // on the last day of a leap year package time says that the zone ended that day
		}
		t = next
	}
	return encode(changes), nil
}

// kind is what a clock shows between two changes.
type kind struct {
	offset int
	saving bool
	name   string
}

// encode writes changes as TZif, version 2, with an empty first block. (RFC 9636, section 3.)
func encode(changes []change) []byte {
	var kinds []kind
	var names []byte
	index := map[kind]byte{}
	where := map[string]byte{}
	for _, c := range changes {
		k := kind{c.offset, c.saving, c.name}
		if _, known := index[k]; known {
			continue
		}
		index[k] = byte(len(kinds))
		kinds = append(kinds, k)
		if _, known := where[c.name]; !known {
			where[c.name] = byte(len(names))
			names = append(append(names, c.name...), 0)
		}
	}
	out := header(0, 0, 0)
	out = append(out, header(len(changes), len(kinds), len(names))...)
	for _, c := range changes {
		out = binary.BigEndian.AppendUint64(out, uint64(c.at))
	}
	for _, c := range changes {
		out = append(out, index[kind{c.offset, c.saving, c.name}])
	}
	for _, k := range kinds {
		out = binary.BigEndian.AppendUint32(out, uint32(int32(k.offset)))
		saving := byte(0)
		if k.saving {
			saving = 1
		}
		out = append(out, saving, where[k.name])
	}
	out = append(out, names...)
	return append(out, "\n\n"...) // no rule for what comes after
}

func header(changes, kinds, names int) []byte {
	out := append([]byte("TZif2"), make([]byte, 15)...)
	for _, n := range []int{0, 0, 0, changes, kinds, names} {
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	return out
}
