// Package zone converts names of time zones to their data. Pure packages read no files, so requests carry the data of their zone.
//
// The zones are those of the machine, or built-in ones if it has none.
package zone

import (
	"encoding/binary"
	"errors"
	"time"
	_ "time/tzdata" // for machines without zones
)

// ErrUnknown is the error of an unknown zone.
var ErrUnknown = errors.New("unknown time zone")

// The data covers the years of schedules.
const (
	yearFirst = 1970
	yearLast  = 2200
)

// change is a time from which local time differs from UTC by offset seconds.
type change struct {
	at     int64
	offset int
	saving bool
	name   string
}

func (c change) same(o change) bool {
	return c.offset == o.offset && c.saving == o.saving && c.name == o.name
}

// Data returns the TZif data of a zone of the IANA database, as read by time.LoadLocationFromTZData. It returns ErrUnknown for unknown names,
// including names such as Local, whose meaning depends on the machine.
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
			next = t.Add(24 * time.Hour) // on the last day of a leap year package time returns that day as the end of the zone
		}
		t = next
	}
	return encode(changes), nil
}

// kind is the offset and abbreviation between two changes.
type kind struct {
	offset int
	saving bool
	name   string
}

// encode encodes changes as TZif, version 2, with an empty first block. (RFC 9636, section 3.)
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
	return append(out, "\n\n"...) // no rule for later times
}

func header(changes, kinds, names int) []byte {
	out := append([]byte("TZif2"), make([]byte, 15)...)
	for _, n := range []int{0, 0, 0, changes, kinds, names} {
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	return out
}
