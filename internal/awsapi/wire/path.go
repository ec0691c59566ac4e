package wire

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// path is the position of a value in a request. It is rendered only for an error.
type path struct {
	parent *path
	member string // a member's wire name; "" for an item or an entry
	item   int    // of a list, from 1
	key    string // of a map
}

// String renders the path as AWS's validation errors do: members with a lower-case first letter, .N.member for items, and the key
// for entries. The root is "".
func (p *path) String() string {
	if p == nil {
		return ""
	}
	s := p.parent.String()
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

// field is a member of an SDK struct.
type field struct {
	name  string
	index int
}

var fieldCache sync.Map // reflect.Type → []field

// fieldsOf returns a struct's members in declaration order. It caches them, because reflection allocates them at each call.
func fieldsOf(t reflect.Type) []field {
	if known, found := fieldCache.Load(t); found {
		return known.([]field)
	}
	lower := strings.Contains(t.PkgPath(), "/service/cloudwatchlogs") // AWS: its API model; members of other services begin with a capital
	var out []field
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && f.Name != "ResultMetadata" {
			name := f.Name
			if lower {
				name = strings.ToLower(name[:1]) + name[1:]
			}
			out = append(out, field{name, i})
		}
	}
	fieldCache.Store(t, out)
	return out
}
