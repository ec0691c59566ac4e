package wire

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// DecodeQuery reads a Query request's parameters into an SDK input struct. It fails with *Error.
func DecodeQuery(form url.Values, into any) error {
	if len(form) > formMax {
		return &Error{Msg: "The request has too many parameters"}
	}
	root, budget := &node{}, nodesMax
	for name, values := range form {
		if name == "Action" || name == "Version" || len(values) == 0 {
			continue
		}
		if strings.Count(name, ".") >= depthMax {
			return &Error{Msg: "The request nests too deeply"}
		}
		if root.put(name, values[0], &budget); budget < 0 {
			return errTooMany()
		}
	}
	v := reflect.ValueOf(into).Elem()
	x, err := root.value(v.Type(), nil)
	if err != nil {
		return err
	}
	return bind(v, x, nil, 0)
}

// node is a parameter, or all parameters with a common prefix.
type node struct {
	text     *string
	children map[string]*node
}

// nodeWeight is the memory of an inner node, in leaves.
const nodeWeight = 8

// put adds a parameter and subtracts its memory, in leaves, from the budget, which is negative when it is used up.
func (n *node) put(name, text string, budget *int) {
	for rest := name; ; {
		part, below, more := strings.Cut(rest, ".")
		if n.children == nil {
			n.children = map[string]*node{}
			*budget -= nodeWeight
		}
		child := n.children[part]
		if child == nil {
			child = &node{}
			n.children[part] = child
			*budget--
		}
		n = child
		if rest = below; !more {
			break
		}
	}
	n.text = &text
}

// value converts the node to the value that bind expects for a type.
func (n *node) value(t reflect.Type, at *path) (any, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == timeType || t == bytesType || t.Kind() == reflect.String:
		if n.text == nil {
			return nil, &Error{at.String(), "A structure cannot be converted to a value"}
		}
		return *n.text, nil
	case t.Kind() == reflect.Struct:
		return n.structure(t, at)
	case t.Kind() == reflect.Slice:
		return n.list(t, at)
	case t.Kind() == reflect.Map:
		return n.mapping(t, at)
	case t.Kind() == reflect.Interface:
		return n.union(t, at)
	default:
		return n.scalar(t, at)
	}
}

func (n *node) scalar(t reflect.Type, at *path) (any, error) {
	if n.text == nil {
		return nil, &Error{at.String(), "A structure cannot be converted to a value"}
	}
	if t.Kind() == reflect.Bool {
		b, err := strconv.ParseBool(*n.text)
		if err != nil {
			return nil, &Error{at.String(), "A String cannot be converted to a Boolean"}
		}
		return b, nil
	}
	if t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32 {
		if f, ok := double(*n.text); ok { // NaN and infinities
			return f, nil
		}
		f, err := strconv.ParseFloat(*n.text, 64)
		if err != nil || strings.Trim(*n.text, "0123456789+-.eE") != "" { // ParseFloat also accepts Go's inf, 0x1p-2 and 1_000
			return nil, &Error{at.String(), "A String cannot be converted to a Double"}
		}
		return f, nil
	}
	i, err := strconv.ParseInt(*n.text, 10, 64)
	if err != nil {
		return nil, &Error{at.String(), "A String cannot be converted to an Integer"}
	}
	return i, nil
}

func (n *node) structure(t reflect.Type, at *path) (any, error) {
	out := map[string]any{}
	for _, f := range fieldsOf(t) {
		child := n.children[f.name]
		if child == nil {
			continue
		}
		x, err := child.value(t.Field(f.index).Type, &path{parent: at, member: f.name})
		if err != nil {
			return nil, err
		}
		out[f.name] = x
	}
	return out, nil
}

// list reads Name.member.1, Name.member.2, …; "Name=" is an empty list.
func (n *node) list(t reflect.Type, at *path) (any, error) {
	out := []any{}
	items := n.children["member"]
	if items == nil {
		if n.text != nil && *n.text == "" {
			return out, nil
		}
		return nil, &Error{at.String(), "A list has the form Name.member.N"}
	}
	for i := 1; len(out) < len(items.children); i++ {
		child := items.children[strconv.Itoa(i)]
		if child == nil {
			return nil, &Error{at.String(), "The members of a list must be numbered from 1 without gaps"}
		}
		x, err := child.value(t.Elem(), &path{parent: at, item: i})
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func (n *node) mapping(t reflect.Type, at *path) (any, error) {
	out := map[string]any{}
	entries := n.children["entry"]
	if entries == nil {
		return out, nil
	}
	for i, e := range entries.children {
		if e.children["key"] == nil || e.children["key"].text == nil || e.children["value"] == nil {
			return nil, &Error{at.String(), "A map has the form Name.entry.N.key and Name.entry.N.value"}
		}
		x, err := e.children["value"].value(t.Elem(), &path{parent: at, key: i})
		if err != nil {
			return nil, err
		}
		out[*e.children["key"].text] = x
	}
	return out, nil
}

// emptyResults are the operations whose output has no members but whose response has a result element: clients fail without it if their API
// model has a resultWrapper for the operation. AWS: API models; no other operation of the Query services has both.
var emptyResults = map[string]bool{"TagResource": true, "UntagResource": true}

// EncodeQuery writes an SDK output struct as the XML response of a Query operation. An output without members has no result element, except for
// emptyResults.
func EncodeQuery(operation, namespace, requestID string, out any) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%sResponse xmlns=%q>", operation, namespace)
	if v := reflect.Indirect(reflect.ValueOf(out)); v.IsValid() && (len(fieldsOf(v.Type())) > 0 || emptyResults[operation]) {
		writeXML(&b, operation+"Result", v)
	}
	fmt.Fprintf(&b, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", requestID, operation)
	return b.Bytes()
}

func writeXML(b *bytes.Buffer, name string, v reflect.Value) {
	v = reflect.Indirect(v)
	fmt.Fprintf(b, "<%s>", name)
	switch {
	case v.Kind() == reflect.Interface:
		member, value := memberOf(v)
		writeXML(b, member, value)
	case v.Type() == timeType:
		b.WriteString(v.Interface().(time.Time).UTC().Format("2006-01-02T15:04:05.999Z"))
	case v.Kind() == reflect.Struct:
		for member, f := range members(v) {
			writeXML(b, member, f)
		}
	case v.Kind() == reflect.Slice && v.Type() != bytesType:
		for i := range v.Len() {
			writeXML(b, "member", v.Index(i))
		}
	case v.Kind() == reflect.Map:
		for _, k := range sortedKeys(v) {
			b.WriteString("<entry>")
			writeXML(b, "key", k)
			writeXML(b, "value", v.MapIndex(k))
			b.WriteString("</entry>")
		}
	case v.CanFloat():
		b.WriteString(decimal(v.Float(), v.Type().Bits()))
	default:
		_ = xml.EscapeText(b, fmt.Append(nil, v.Interface())) // a buffer does not fail
	}
	fmt.Fprintf(b, "</%s>", name)
}

// EscapeXML escapes text for an XML element.
func EscapeXML(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer does not fail
	return b.String()
}
