package scaling

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Policies and requests for them are encoded as JSON objects that hold, beside what all have, the exported members of their type's rule: a
// target tracking policy has TargetTracking, AlarmHigh and AlarmLow, a step scaling policy has Step. Decoding takes two steps, since only
// a registry knows its types: the object is kept until Registry.Restore, or the use of the request, decodes its rule.

// Numbered is a Type that journals and snapshots name by a number.
type Numbered interface{ Number() int }

// typeRecord is the encoded type of a policy: a number where the type has one, else its name.
type typeRecord struct {
	number int
	name   string
}

// recordOf returns the encoded form of a type; that of none is 0.
func recordOf(t Type) typeRecord {
	if t == nil {
		return typeRecord{}
	}
	if x, ok := t.(Numbered); ok {
		return typeRecord{number: x.Number()}
	}
	return typeRecord{name: t.Name()}
}

// MarshalJSON encodes the type.
func (x typeRecord) MarshalJSON() ([]byte, error) {
	if x.name != "" {
		return json.Marshal(x.name)
	}
	return strconv.AppendInt(nil, int64(x.number), 10), nil
}

// UnmarshalJSON decodes the type.
func (x *typeRecord) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &x.name)
	}
	return json.Unmarshal(data, &x.number)
}

// EncodeName encodes a name that once was a value of an enumeration, as journals have it: by its place among those of the enumeration, from 1;
// "" as 0; any other as a string.
func EncodeName(name string, numbered []string) ([]byte, error) {
	x := typeRecord{name: name}
	if at := slices.Index(numbered, name); at >= 0 || name == "" {
		x = typeRecord{number: at + 1}
	}
	return x.MarshalJSON()
}

// DecodeName decodes what EncodeName encoded; a number without a name is "".
func DecodeName(data []byte, numbered []string) (string, error) {
	var x typeRecord
	if err := x.UnmarshalJSON(data); err != nil {
		return "", err
	}
	if x.number >= 1 && x.number <= len(numbered) {
		return numbered[x.number-1], nil
	}
	return x.name, nil
}

// find returns the type that a record names; nil where there is none.
func (ts Types) find(x typeRecord) Type {
	if x.name != "" {
		return ts.Named(x.name)
	}
	for _, t := range ts {
		if n, ok := t.(Numbered); ok && n.Number() == x.number {
			return t
		}
	}
	return nil
}

// merged encodes values as one object that has the members of all.
func merged(values ...any) ([]byte, error) {
	out := []byte{'{'}
	for _, v := range values {
		object, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		members := object[1 : len(object)-1]
		if len(out) > 1 && len(members) > 0 {
			out = append(out, ',')
		}
		out = append(out, members...)
	}
	return append(out, '}'), nil
}

// MarshalJSON encodes the policy.
func (p *Policy) MarshalJSON() ([]byte, error) {
	type plain Policy // without this method
	if p.Rule == nil {
		return slices.Clone(p.encoded), nil // not restored yet
	}
	return merged(struct{ Type typeRecord }{recordOf(p.Rule.Type())}, (*plain)(p), p.Rule)
}

// UnmarshalJSON decodes all but the rule.
func (p *Policy) UnmarshalJSON(data []byte) error {
	type plain Policy // without this method
	p.encoded = slices.Clone(data)
	return json.Unmarshal(data, (*plain)(p))
}

// restore decodes the rule of a policy that was decoded.
func (p *Policy) restore(types Types) error {
	if p.encoded == nil {
		return nil
	}
	var head struct{ Type typeRecord }
	if err := json.Unmarshal(p.encoded, &head); err != nil {
		return fmt.Errorf("decoding the type of policy %s: %w", p.Name, err)
	}
	t := types.find(head.Type)
	if t == nil {
		return fmt.Errorf("decoding policy %s: its type is not known: %+v", p.Name, head.Type)
	}
	p.Rule = t.New()
	if err := json.Unmarshal(p.encoded, p.Rule); err != nil {
		return fmt.Errorf("decoding policy %s: %w", p.Name, err)
	}
	p.encoded = nil
	return nil
}

// inputRecord is what requests of all types have.
type inputRecord struct {
	Key  TargetKey
	Name string
	Type typeRecord
}

// MarshalJSON encodes the request.
func (in PolicyInput) MarshalJSON() ([]byte, error) {
	if in.encoded != nil {
		return in.encoded, nil
	}
	values := []any{inputRecord{in.Key, in.Name, recordOf(in.Type)}}
	for _, c := range in.Configs {
		values = append(values, c.Rule())
	}
	return merged(values...)
}

// UnmarshalJSON decodes all but the type and the configurations.
func (in *PolicyInput) UnmarshalJSON(data []byte) error {
	var x inputRecord
	if err := json.Unmarshal(data, &x); err != nil {
		return err
	}
	*in = PolicyInput{Key: x.Key, Name: x.Name, encoded: slices.Clone(data)}
	return nil
}

// restore decodes the type and the configurations of a request that was decoded.
func (in *PolicyInput) restore(types Types) error {
	if in.encoded == nil {
		return nil
	}
	var x inputRecord
	if err := json.Unmarshal(in.encoded, &x); err != nil {
		return fmt.Errorf("decoding a request for policy %s: %w", in.Name, err)
	}
	in.Type = types.find(x.Type)
	for _, t := range types {
		rule := t.New()
		if err := json.Unmarshal(in.encoded, rule); err != nil {
			return fmt.Errorf("decoding a request for policy %s: %w", in.Name, err)
		}
		if c := rule.Config(); c != nil {
			in.Configs = append(in.Configs, c)
		}
	}
	in.encoded = nil
	return nil
}
