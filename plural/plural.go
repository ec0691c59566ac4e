// Package plural formats counts in English texts: 1 instance, 2 instances.
package plural

import "strconv"

// Of returns a count with its noun: "1 instance", "0 instances". many is the plural of a noun that does not end in s.
func Of(n int, one string, many ...string) string {
	return strconv.Itoa(n) + " " + Noun(n, one, many...)
}

// Are returns a count with its noun and verb: "1 instance is", "2 instances are".
func Are(n int, one string, many ...string) string {
	return Of(n, one, many...) + Verb(n, " is", " are")
}

// Noun returns the singular or plural of a noun for n.
func Noun(n int, one string, many ...string) string {
	if len(many) > 0 {
		return Verb(n, one, many[0])
	}
	return Verb(n, one, one+"s")
}

// Verb returns one if n is 1, else many: "serves", "serve".
func Verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
