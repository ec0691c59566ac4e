package awsapi

import "time"

// Optional returns nil for "", so that responses omit unset members.
func Optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Integer converts an optional number of the SDK to int.
func Integer(n *int32) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}

// Duration converts an optional number of seconds to a duration.
func Duration(n *int32) *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * time.Second
	return &d
}

// Seconds converts an optional duration to the SDK's number of seconds.
func Seconds(d *time.Duration) *int32 {
	if d == nil {
		return nil
	}
	n := int32(*d / time.Second)
	return &n
}
