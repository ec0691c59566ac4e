package wire

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// place is where in a request a value stands. It is rendered only where something is wrong there.
type place struct {
	up     *place
	member string // a member's wire name; "" for an item or an entry
	item   int    // of a list, from 1
	key    string // of a map
}

// String renders the place as AWS's validation errors do: members with a lower-case first letter, .N.member for items, and the key
// for entries. The root is "".
func (p *place) String() string {
	if p == nil {
		return ""
	}
	s := p.up.String()
	switch {
	case p.member != "":
		if s != "" {
			s += "."
		}
		return s + strings.ToLower(p.member[:1]) + p.member[1:]
	case p.item > 0:
		return s + "." + strconv.Itoa(p.item) + ".member"
	default:
		return s + "." + p.key + ".member"
	}
}

// field is a member of a struct of the SDK's.
type field struct {
	name  string
	index int
}

var fieldCache sync.Map // reflect.Type → []field

// fieldsOf returns a struct's members, in the order of the struct: reflection makes them anew at each call, so they are kept.
func fieldsOf(t reflect.Type) []field {
	if known, found := fieldCache.Load(t); found {
		return known.([]field)
	}
	var out []field
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && f.Name != "ResultMetadata" {
			out = append(out, field{f.Name, i})
		}
	}
	fieldCache.Store(t, out)
	return out
}
