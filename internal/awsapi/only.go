package awsapi

import (
	"reflect"
	"slices"
	"strings"
)

// Only refuses an SDK struct that sets a member other than the named ones, since unsupported members must not be ignored silently.
// path is the position of the struct in the request, "" at the top.
func Only(in any, path string, names ...string) error {
	v := reflect.Indirect(reflect.ValueOf(in))
	if !v.IsValid() {
		return nil
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || v.Field(i).IsZero() || slices.Contains(names, f.Name) {
			continue
		}
		if f.Type.Kind() == reflect.Slice && v.Field(i).Len() == 0 {
			continue
		}
		at := strings.ToLower(f.Name[:1]) + f.Name[1:]
		if path != "" {
			at = path + "." + at
		}
		return Validation("The member '%s' asks for something that this server does not do. Leave it out.", at)
	}
	return nil
}
