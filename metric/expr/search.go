package expr

import (
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
)

// AWS: CloudWatch user guide, search expression syntax: the longest query, and how long after its last sample a metric is found.
const (
	searchMax    = 1024
	searchActive = 14 * 24 * time.Hour
)

// search is a parsed SEARCH: which metrics it finds, and what is read of them.
type search struct {
	schema     bool
	namespace  string // of the schema
	dimensions []string
	term       *term // nil: all of the schema
	statistic  metric.Statistic
	period     time.Duration // 0: the query's
}

// cost is the work of examining one metric.
func (s *search) cost() int { return 8 * (1 + s.term.size()) }

// size returns the number of terms.
func (t *term) size() int {
	if t == nil {
		return 0
	}
	n := 1
	for _, a := range t.args {
		n += a.size()
	}
	return n
}

// term is a node of a search's condition.
type term struct {
	kind     termKind
	args     []*term
	property string // MetricName, Namespace, a dimension's name or :aws.AccountId; "": any of them
	text     string // what to find, unescaped
	exact    bool
	token    tokens // of text, unless exact
}

type termKind int

const (
	andTerm termKind = iota
	orTerm
	notTerm
	matchTerm
)

// Property names with a meaning of their own. AWS: search expression syntax.
const (
	nameProperty      = "MetricName"
	namespaceProperty = "Namespace"
	accountProperty   = ":aws.AccountId"
)

// parseSearch parses the first argument of SEARCH. AWS: the error is recorded.
func parseSearch(src string) (*search, *Error) {
	bad := whole(0, "Invalid SEARCH parameter: "+src)
	if len(src) > searchMax {
		return nil, bad
	}
	p := &searchParser{src: src}
	s := &search{}
	p.space()
	if p.sign('{') {
		s.schema = true
		names := p.names()
		if !p.bad && len(names) == 0 {
			return nil, bad
		}
		if !p.bad {
			s.namespace, s.dimensions = names[0], names[1:]
			slices.Sort(s.dimensions)
		}
		p.space()
	}
	if !p.bad && p.at < len(p.src) {
		s.term = p.or("")
		p.space()
	}
	if p.bad || p.at < len(p.src) {
		return nil, bad
	}
	return s, nil
}

type searchParser struct {
	src string
	at  int
	bad bool
}

// space skips blanks, and the commas that may separate a schema and terms.
func (p *searchParser) space() {
	for p.at < len(p.src) && strings.IndexByte(" \t\r\n,", p.src[p.at]) >= 0 {
		p.at++
	}
}

func (p *searchParser) sign(c byte) bool {
	if p.at < len(p.src) && p.src[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *searchParser) fail() *term {
	p.bad = true
	return &term{}
}

// names parses a schema up to its closing brace.
func (p *searchParser) names() []string {
	var out []string
	for {
		p.space()
		if p.sign('}') {
			return out
		}
		name, _, ok := p.word()
		if !ok {
			p.fail()
			return nil
		}
		out = append(out, name)
	}
}

// wordEnds are the characters that a word without quotes does not contain.
const wordEnds = " \t\r\n,\"'(){}="

// word parses a word, or a text in double quotes, in which a backslash escapes the next character.
func (p *searchParser) word() (text string, exact, ok bool) {
	if !p.sign('"') {
		start := p.at
		for p.at < len(p.src) && strings.IndexByte(wordEnds, p.src[p.at]) < 0 {
			p.at++
		}
		return p.src[start:p.at], false, p.at > start
	}
	var b strings.Builder
	for p.at < len(p.src) {
		if p.sign('"') {
			return b.String(), true, b.Len() > 0
		}
		if p.src[p.at] == '\\' && p.at+1 < len(p.src) {
			p.at++
		}
		b.WriteByte(p.src[p.at])
		p.at++
	}
	return "", false, false
}

// keyword consumes a Boolean operator. AWS: they are case sensitive.
func (p *searchParser) keyword(word string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.src[p.at:], word)
	if !ok || rest != "" && strings.IndexByte(wordEnds, rest[0]) < 0 || strings.HasPrefix(strings.TrimLeft(rest, " "), "=") {
		return false
	}
	p.at += len(word)
	return true
}

// or parses terms separated by OR. AND, explicit or implied, binds tighter. AWS: recorded.
func (p *searchParser) or(property string) *term {
	t := &term{kind: orTerm, args: []*term{p.and(property)}}
	for !p.bad && p.keyword("OR") {
		t.args = append(t.args, p.and(property))
	}
	if len(t.args) == 1 {
		return t.args[0]
	}
	return t
}

func (p *searchParser) and(property string) *term {
	t := &term{kind: andTerm, args: []*term{p.not(property)}}
	for !p.bad {
		if p.keyword("AND") {
			t.args = append(t.args, p.not(property))
			continue
		}
		at := p.at
		if p.space(); p.at == len(p.src) || p.src[p.at] == ')' || p.keyword("OR") {
			p.at = at
			break
		}
		t.args = append(t.args, p.not(property))
	}
	if len(t.args) == 1 {
		return t.args[0]
	}
	return t
}

func (p *searchParser) not(property string) *term {
	if p.keyword("NOT") {
		return &term{kind: notTerm, args: []*term{p.not(property)}}
	}
	return p.primary(property)
}

// primary parses a group, or a term with or without a property. A property before a group applies to all terms in it.
func (p *searchParser) primary(property string) *term {
	p.space()
	if p.bad || p.keyword("AND") || p.keyword("OR") {
		return p.fail()
	}
	if p.sign('(') {
		t := p.or(property)
		p.space()
		if !p.sign(')') {
			return p.fail()
		}
		return t
	}
	text, exact, ok := p.word()
	if !ok {
		return p.fail()
	}
	at := p.at
	p.space()
	if property == "" && p.sign('=') {
		return p.primary(text)
	}
	p.at = at
	t := &term{kind: matchTerm, property: property, text: text, exact: exact}
	if !exact {
		if t.token = tokenize(text); len(t.token.text) == 0 {
			return p.fail()
		}
	}
	return t
}
