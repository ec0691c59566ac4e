package logs

import (
	"regexp"
	"strings"
)

// parsePattern returns what a filter pattern of terms matches: all plain terms, none with a minus sign, and one of those with a question mark, which
// count only where there are no others. A term is a word, a phrase in quotation marks, or a regular expression between per cent signs. Case matters.
// AWS: CloudWatch Logs user guide, filter pattern syntax, unstructured log events. Patterns for JSON and for space-delimited events are refused.
func parsePattern(pattern string) (matches func(string) bool, _ error) {
	rest := strings.TrimSpace(pattern)
	if rest != "" && strings.ContainsRune("{[", rune(rest[0])) {
		return nil, invalid("Invalid filter pattern: this server does not support patterns for JSON and space-delimited log events; use terms.")
	}
	var all, none, some []func(string) bool
	for rest != "" {
		sign := rest[0]
		if sign == '?' || sign == '-' {
			rest = rest[1:]
		}
		term, after, err := nextTerm(rest)
		if err != nil {
			return nil, err
		}
		switch sign {
		case '?':
			some = append(some, term)
		case '-':
			none = append(none, term)
		default:
			all = append(all, term)
		}
		rest = strings.TrimSpace(after)
	}
	if len(all)+len(none) > 0 {
		some = nil
	}
	return func(s string) bool {
		for _, term := range all {
			if !term(s) {
				return false
			}
		}
		for _, term := range none {
			if term(s) {
				return false
			}
		}
		for _, term := range some {
			if term(s) {
				return true
			}
		}
		return len(some) == 0
	}, nil
}

// word is a term that needs no quotation marks.
var word = regexp.MustCompile(`^[\pL\pN_]+$`)

// nextTerm reads the term at the beginning of a pattern.
func nextTerm(rest string) (matches func(string) bool, after string, _ error) {
	switch {
	case strings.HasPrefix(rest, `"`):
		phrase := strings.Builder{}
		for i := 1; i < len(rest); i++ {
			switch c := rest[i]; {
			case c == '\\' && i+1 < len(rest):
				i++
				phrase.WriteByte(rest[i])
			case c == '"':
				return containing(phrase.String()), rest[i+1:], nil
			default:
				phrase.WriteByte(c)
			}
		}
		return nil, "", invalid("Invalid filter pattern: a quotation mark is not closed.")
	case strings.HasPrefix(rest, "%"):
		expression, after, closed := strings.Cut(rest[1:], "%")
		re, err := regexp.Compile(expression)
		if !closed || err != nil || expression == "" {
			return nil, "", invalid("Invalid filter pattern: Invalid regular expression '" + expression + "'.")
		}
		return re.MatchString, after, nil
	default:
		term, after := rest, ""
		if i := strings.IndexAny(rest, " \t\r\n"); i >= 0 {
			term, after = rest[:i], rest[i:]
		}
		if !word.MatchString(term) {
			return nil, "", invalid("Invalid filter pattern: Invalid character(s) in term '" + term + "'.")
		}
		return containing(term), after, nil
	}
}

func containing(term string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, term) }
}
