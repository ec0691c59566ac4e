// Package plural counts things in English texts: 1 instance, 2 instances.
package plural

import "strconv"

// Of returns how many of a thing there are: "1 instance", "0 instances". A noun whose plural is not its singular with an s has it as many.
func Of(n int, one string, many ...string) string {
	return strconv.Itoa(n) + " " + Noun(n, one, many...)
}

// Are returns how many of a thing there are, and the verb: "1 instance is", "2 instances are".
func Are(n int, one string, many ...string) string {
	return Of(n, one, many...) + Verb(n, " is", " are")
}

// Noun returns a noun in the number that belongs to n.
func Noun(n int, one string, many ...string) string {
	if len(many) > 0 {
		return Verb(n, one, many[0])
	}
	return Verb(n, one, one+"s")
}

// Verb returns one where n is 1, else many: "serves", "serve".
func Verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
