package wire

import (
	"reflect"
	"strings"
	"sync"
)

// unions holds, for the interface type of each registered union, a map[string]reflect.Type: its member structs by wire name.
var unions sync.Map

// Union registers a union of the SDK, so that requests may carry it: U is its interface, members are one value of each of its member structs,
// which are named UnionMemberName and hold a Value.
func Union[U any](members ...U) {
	known := map[string]reflect.Type{}
	for _, m := range members {
		t := reflect.TypeOf(m).Elem()
		known[memberName(t)] = t
	}
	unions.Store(reflect.TypeFor[U](), known)
}

// memberName is the wire name of a union's member struct: the part of its name after "Member".
func memberName(t reflect.Type) string {
	_, name, _ := strings.Cut(t.Name(), "Member")
	return name
}

// memberOf returns the name and value of the one member that a union holds.
func memberOf(v reflect.Value) (string, reflect.Value) {
	m := v.Elem().Elem() // the interface holds a pointer to the member's struct
	return memberName(m.Type()), m.FieldByName("Value")
}

func bindUnion(v reflect.Value, x any, at *path, depth int) error {
	known, served := unions.Load(v.Type())
	if !served {
		return &Error{at.String(), "This member is not served here"}
	}
	given, ok := x.(map[string]any)
	if !ok {
		return mismatch(x, "a structure", at)
	}
	set := false
	for name, value := range given {
		t, found := known.(map[string]reflect.Type)[name]
		if !found || value == nil {
			continue
		}
		if set {
			return &Error{at.String(), "A union must have exactly one member"}
		}
		m := reflect.New(t)
		if err := bind(m.Elem().FieldByName("Value"), value, &path{parent: at, member: name}, depth+1); err != nil {
			return err
		}
		v.Set(m)
		set = true
	}
	if !set {
		return &Error{at.String(), "A union must have exactly one member"}
	}
	return nil
}

// union converts a Query request's parameters to the value that bindUnion expects.
func (n *node) union(t reflect.Type, at *path) (any, error) {
	known, served := unions.Load(t)
	if !served {
		return nil, &Error{at.String(), "This member is not served here"}
	}
	out := map[string]any{}
	for name, member := range known.(map[string]reflect.Type) {
		child := n.children[name]
		if child == nil {
			continue
		}
		value, _ := member.FieldByName("Value")
		x, err := child.value(value.Type, &path{parent: at, member: name})
		if err != nil {
			return nil, err
		}
		out[name] = x
	}
	return out, nil
}
