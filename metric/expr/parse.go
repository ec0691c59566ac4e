package expr

import (
	"strconv"
	"strings"

	"bellows.dev/bellows/metric"
)

type nodeKind int

const (
	numberNode nodeKind = iota
	textNode            // a string
	nameNode            // another query, or a keyword of a function
	listNode            // [a, b]
	callNode            // F(a, b)
	negateNode          // -a
	binaryNode          // a op b
)

// node is an element of an expression. The checker sets the members after the blank line.
type node struct {
	kind   nodeKind
	pos    int
	number float64
	text   string // of a string; the name of a query, keyword or function; the operator
	args   []*node

	typ     Type
	query   int       // of a nameNode that is a query
	binary  operator  // of a binaryNode
	fn      *function // of a callNode
	metrics []int     // of METRICS: the queries
	search  *search   // of SEARCH
	place   int       // of SEARCH: its index among the searches of its query
}

// expressionMax is the most characters of an expression. AWS: MetricDataQuery, Expression.
const expressionMax = 2048

// parse parses an expression.
func parse(src string) (*node, *Error) {
	if len(src) > expressionMax {
		return nil, badSyntax(expressionMax)
	}
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	n := p.level(0)
	if p.err == nil && p.peek().kind != endToken {
		p.fail()
	}
	return n, p.err
}

type parser struct {
	tokens []token
	at     int
	err    *Error
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) fail() *node {
	if p.err == nil {
		p.err = badSyntax(p.peek().pos)
	}
	return &node{}
}

// is consumes the next token if it is one of the given signs or words.
func (p *parser) is(texts ...string) (string, bool) {
	t := p.peek()
	if t.kind != signToken && t.kind != nameToken {
		return "", false
	}
	for _, text := range texts {
		if t.text == text {
			p.at++
			return text, true
		}
	}
	return "", false
}

// levels are the binary operators by precedence, lowest first. AWS documents none; this is the order of other languages.
var levels = [][]string{{"OR", "||"}, {"AND", "&&"}, {"==", "!=", "<=", ">=", "<", ">"}, {"+", "-"}, {"*", "/"}}

func (p *parser) level(n int) *node {
	if n == len(levels) {
		return p.unary()
	}
	left := p.level(n + 1)
	for p.err == nil {
		pos := p.peek().pos
		op, ok := p.is(levels[n]...)
		if !ok {
			break
		}
		left = &node{kind: binaryNode, pos: pos, text: spelled(op), args: []*node{left, p.level(n + 1)}}
	}
	return left
}

// spelled returns one name for both spellings of a logical operator.
func spelled(op string) string {
	switch op {
	case "&&":
		return "AND"
	case "||":
		return "OR"
	default:
		return op
	}
}

// unary parses a negation, which binds tighter than * and looser than ^: -2^2 is -4.
func (p *parser) unary() *node {
	pos := p.peek().pos
	if _, ok := p.is("-"); ok && p.err == nil {
		return &node{kind: negateNode, pos: pos, args: []*node{p.unary()}}
	}
	base := p.primary()
	pos = p.peek().pos
	if _, ok := p.is("^"); ok && p.err == nil {
		return &node{kind: binaryNode, pos: pos, text: "^", args: []*node{base, p.unary()}}
	}
	return base
}

func (p *parser) primary() *node {
	if p.err != nil {
		return &node{}
	}
	t := p.peek()
	switch {
	case t.kind == numberToken:
		v, err := strconv.ParseFloat(t.text, 64)
		if err != nil || !metric.IsFinite(v) {
			return p.fail()
		}
		p.at++
		return &node{kind: numberNode, pos: t.pos, number: v}
	case t.kind == textToken:
		p.at++
		return &node{kind: textNode, pos: t.pos, text: t.text}
	case t.kind == nameToken && t.text != "AND" && t.text != "OR":
		p.at++
		if _, ok := p.is("("); ok {
			return &node{kind: callNode, pos: t.pos, text: t.text, args: p.list(")")}
		}
		return &node{kind: nameNode, pos: t.pos, text: t.text}
	}
	if _, ok := p.is("("); ok {
		n := p.level(0)
		if _, ok := p.is(")"); !ok {
			return p.fail()
		}
		return n
	}
	if _, ok := p.is("["); ok {
		n := &node{kind: listNode, pos: t.pos, args: p.list("]")}
		if len(n.args) == 0 {
			return p.fail()
		}
		return n
	}
	return p.fail()
}

// list parses expressions separated by commas up to the closing sign.
func (p *parser) list(closing string) []*node {
	var out []*node
	if _, ok := p.is(closing); ok {
		return out
	}
	for p.err == nil {
		out = append(out, p.level(0))
		if _, ok := p.is(","); ok {
			continue
		}
		if _, ok := p.is(closing); !ok {
			p.fail()
		}
		break
	}
	return out
}

// String returns the expression as text that parses to the same.
func (n *node) String() string {
	switch n.kind {
	case numberNode:
		return strconv.FormatFloat(n.number, 'g', -1, 64)
	case textNode:
		return "'" + strings.ReplaceAll(n.text, "'", `\'`) + "'"
	case nameNode:
		return n.text
	case listNode:
		return "[" + joined(n.args) + "]"
	case callNode:
		return n.text + "(" + joined(n.args) + ")"
	case negateNode:
		return "(-" + n.args[0].String() + ")"
	default:
		return "(" + n.args[0].String() + " " + n.text + " " + n.args[1].String() + ")"
	}
}

func joined(nodes []*node) string {
	texts := make([]string, len(nodes))
	for i, n := range nodes {
		texts[i] = n.String()
	}
	return strings.Join(texts, ", ")
}
