package expr

import "strings"

type tokenKind int

const (
	endToken    tokenKind = iota
	numberToken           // 5, 0.5, 1e3
	textToken             // 'a' or "a"
	nameToken             // m1, SUM, REPEAT
	signToken             // operators and punctuation
)

// token is a lexical element. text are its characters, of a string without the quotes.
type token struct {
	kind tokenKind
	text string
	pos  int
}

// signs are the operators, longest first.
var signs = []string{"==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ","}

// lex splits an expression into tokens, the last of which is endToken.
func lex(src string) ([]token, *Error) {
	var out []token
	for i := 0; ; {
		for i < len(src) && strings.IndexByte(" \t\r\n", src[i]) >= 0 {
			i++
		}
		if i == len(src) {
			return append(out, token{endToken, "", i}), nil
		}
		t, end, err := next(src, i)
		if err != nil {
			return nil, err
		}
		out, i = append(out, t), end
	}
}

// next returns the token that begins at i, and where it ends.
func next(src string, i int) (token, int, *Error) {
	switch c := src[i]; {
	case c == '\'' || c == '"':
		text, end, ok := quoted(src, i)
		if !ok {
			return token{}, 0, badSyntax(i)
		}
		return token{textToken, text, i}, end, nil
	case digit(c) || c == '.' && i+1 < len(src) && digit(src[i+1]):
		end := numberEnd(src, i)
		return token{numberToken, src[i:end], i}, end, nil
	case letter(c):
		end := i
		for end < len(src) && (letter(src[end]) || digit(src[end]) || src[end] == '_') {
			end++
		}
		return token{nameToken, src[i:end], i}, end, nil
	}
	for _, s := range signs {
		if strings.HasPrefix(src[i:], s) {
			return token{signToken, s, i}, i + len(s), nil
		}
	}
	return token{}, 0, badSyntax(i)
}

// quoted returns a string. A backslash escapes the quote; before any other character it is kept, since search terms have escapes of their
// own. AWS: recorded.
func quoted(src string, start int) (string, int, bool) {
	quote := src[start]
	var b strings.Builder
	for i := start + 1; i < len(src); i++ {
		switch {
		case src[i] == quote:
			return b.String(), i + 1, true
		case src[i] == '\\' && i+1 < len(src) && src[i+1] == quote:
			i++
		}
		b.WriteByte(src[i])
	}
	return "", 0, false
}

func numberEnd(src string, i int) int {
	digits := func() {
		for i < len(src) && digit(src[i]) {
			i++
		}
	}
	digits()
	if i < len(src) && src[i] == '.' {
		i++
		digits()
	}
	if i < len(src) && (src[i] == 'e' || src[i] == 'E') {
		start := i
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		if i == len(src) || !digit(src[i]) {
			return start
		}
		digits()
	}
	return i
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func upper(c byte) bool  { return c >= 'A' && c <= 'Z' }
func lower(c byte) bool  { return c >= 'a' && c <= 'z' }
func letter(c byte) bool { return upper(c) || lower(c) }
