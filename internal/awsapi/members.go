package awsapi

import "time"

// Optional is nil for "", so that answers leave unset members out.
func Optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Integer is an optional number of the SDK as one of ours.
func Integer(n *int32) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}

// Duration is an optional number of seconds as a duration.
func Duration(n *int32) *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * time.Second
	return &d
}

// Seconds is an optional duration as the SDK's number of seconds.
func Seconds(d *time.Duration) *int32 {
	if d == nil {
		return nil
	}
	n := int32(*d / time.Second)
	return &n
}
