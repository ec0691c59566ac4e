package alarm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of a composite alarm's rule. AWS: PutCompositeAlarm, API reference.
const (
	RuleCharactersMax = 10_240
	ChildrenMax       = 100
	ElementsMax       = 500 // children, TRUE and FALSE, and pairs of parentheses
)

// Expression is the parsed rule of a composite alarm.
type Expression struct {
	root     node
	children []string
}

// Children returns the alarms that the rule refers to, as it writes them, in the order of their first mention.
func (x *Expression) Children() []string { return x.children }

// node is a part of a rule. support appends the alarms whose states its value is based on: those that suffice to show that it is true, or
// false.
type node interface {
	holds(state func(alarm string) State) bool
	support(state func(alarm string) State, out []string) []string
	tree(state func(alarm string) State) RuleNode
}

// Holds reports whether the rule is true of the states of alarms.
func (x *Expression) Holds(state func(alarm string) State) bool { return x.root.holds(state) }

// Support returns the alarms whose states make the rule true, or false where it is false; sorted, each once.
func (x *Expression) Support(state func(alarm string) State) []string {
	all := x.root.support(state, nil)
	slices.Sort(all)
	return slices.Compact(all)
}

// constant is TRUE or FALSE.
type constant bool

// inState is ALARM(…), OK(…) or INSUFFICIENT_DATA(…).
type inState struct {
	alarm string
	want  State
}

// negated is NOT ….
type negated struct{ of node }

// joined is … AND …, or … OR ….
type joined struct {
	parts []node
	all   bool
}

// atLeast is AT_LEAST(n, STATE, (…)): at least n of its alarms are in a state, or are not.
type atLeast struct {
	count  int
	want   State
	not    bool
	alarms []string
}

func (n constant) holds(func(string) State) bool                       { return bool(n) }
func (n constant) support(_ func(string) State, out []string) []string { return out }
func (n inState) holds(state func(string) State) bool                  { return state(n.alarm) == n.want }
func (n inState) support(_ func(string) State, out []string) []string  { return append(out, n.alarm) }
func (n negated) holds(state func(string) State) bool                  { return !n.of.holds(state) }
func (n negated) support(state func(string) State, out []string) []string {
	return n.of.support(state, out)
}
func (n atLeast) matches(state func(string) State, alarm string) bool {
	return (state(alarm) == n.want) != n.not
}

func (n joined) holds(state func(string) State) bool {
	for _, p := range n.parts {
		if p.holds(state) != n.all {
			return !n.all
		}
	}
	return n.all
}

func (n joined) support(state func(string) State, out []string) []string {
	holds := n.holds(state)
	for _, p := range n.parts {
		if p.holds(state) == holds {
			out = p.support(state, out)
		}
	}
	return out
}

func (n atLeast) holds(state func(string) State) bool {
	found := 0
	for _, a := range n.alarms {
		if n.matches(state, a) {
			found++
		}
	}
	return found >= n.count
}

func (n atLeast) support(state func(string) State, out []string) []string {
	holds := n.holds(state)
	for _, a := range n.alarms {
		if n.matches(state, a) == holds {
			out = append(out, a)
		}
	}
	return out
}

// ParseRule parses a composite alarm's rule. NOT binds tighter than AND, AND tighter than OR; keywords are in capitals. An alarm's name may
// be in double quotes, in which a backslash escapes the next character; without quotes it has no blank, parenthesis or comma. The error has
// AWS's text. AWS: CloudWatch user guide, composite alarms, rule expressions; the texts are recorded.
func ParseRule(text string) (*Expression, error) {
	if text == "" || strings.TrimSpace(text) != text {
		return nil, fmt.Errorf("AlarmRule must not contain leading or trailing whitespace or be null")
	}
	if len(text) > RuleCharactersMax {
		return nil, fmt.Errorf("AlarmRule must not be longer than %d characters", RuleCharactersMax)
	}
	p := ruleParser{text: text}
	root, err := p.or()
	if err == nil && p.rest() != "" {
		err = p.trailing()
	}
	if err != nil {
		return nil, err
	}
	x := &Expression{root: root}
	for _, name := range p.names {
		if !slices.Contains(x.children, name) {
			x.children = append(x.children, name)
		}
	}
	if len(x.children) > ChildrenMax {
		return nil, fmt.Errorf("AlarmRule must not refer to more than %d alarms", ChildrenMax)
	}
	return x, nil
}

// ruleParser is a recursive descent parser.
type ruleParser struct {
	text     string
	at       int
	elements int
	names    []string
}

// rest returns what is left, without leading blanks.
func (p *ruleParser) rest() string {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
	return p.text[p.at:]
}

// wrong refuses the next token; wanted says what must be there.
func (p *ruleParser) wrong(wanted string) error {
	return fmt.Errorf("Error in AlarmRule [Unsupported token '%s' at char %d, must be: %s]", p.token(), p.at, wanted)
}

// trailing refuses what follows a complete rule. AND and OR are named only where more than one word follows: recorded.
func (p *ruleParser) trailing() error {
	if len(p.rest()) == len(p.token()) {
		return p.wrong("<EOF>")
	}
	return p.wrong("<EOF>, 'AND', 'OR'")
}

// token returns the next token: everything up to the end of a word, or a mark.
func (p *ruleParser) token() string {
	rest := p.rest()
	if rest == "" {
		return "<EOF>"
	}
	return rest[:max(1, wordEnd(rest))]
}

// wordEnd returns where a word ends: at a blank, a parenthesis, a comma or a quote.
func wordEnd(text string) int {
	if end := strings.IndexAny(text, " \t\r\n(),\""); end >= 0 {
		return end
	}
	return len(text)
}

// word consumes the next word if it is one of those given; it returns "" where it is not.
func (p *ruleParser) word(words ...string) string {
	rest := p.rest()
	end := wordEnd(rest)
	for _, w := range words {
		if rest[:end] == w {
			p.at += end
			return w
		}
	}
	return ""
}

// mark consumes the next character if it is c.
func (p *ruleParser) mark(c byte) bool {
	if rest := p.rest(); rest == "" || rest[0] != c {
		return false
	}
	p.at++
	return true
}

// element counts an element of the rule.
func (p *ruleParser) element() error {
	if p.elements++; p.elements > ElementsMax {
		return fmt.Errorf("AlarmRule must not have more than %d elements", ElementsMax)
	}
	return nil
}

func (p *ruleParser) or() (node, error)  { return p.chain("OR", p.and) }
func (p *ruleParser) and() (node, error) { return p.chain("AND", p.not) }

func (p *ruleParser) chain(word string, part func() (node, error)) (node, error) {
	first, err := part()
	if err != nil {
		return nil, err
	}
	parts := []node{first}
	for p.word(word) != "" {
		next, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, next)
	}
	if len(parts) == 1 {
		return first, nil
	}
	return joined{parts, word == "AND"}, nil
}

func (p *ruleParser) not() (node, error) {
	times := 0
	for p.word("NOT") != "" {
		times++
	}
	n, err := p.operand()
	if err == nil && times%2 == 1 {
		return negated{n}, nil
	}
	return n, err
}

// state consumes the name of a state; it returns 0 where another token comes.
func (p *ruleParser) state() State {
	for _, s := range []State{InAlarm, OK, InsufficientData} {
		if p.word(s.String()) != "" {
			return s
		}
	}
	return 0
}

func (p *ruleParser) operand() (node, error) {
	if p.mark('(') {
		if err := p.element(); err != nil {
			return nil, err
		}
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		return inner, p.close()
	}
	switch p.word("TRUE", "FALSE", "AT_LEAST") {
	case "TRUE":
		return constant(true), p.element()
	case "FALSE":
		return constant(false), p.element()
	case "AT_LEAST":
		return p.atLeast()
	}
	s := p.state()
	if s == 0 {
		return nil, p.wrong("'(', 'NOT', AT_LEAST, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA")
	}
	if !p.mark('(') {
		return nil, p.wrong("'('")
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	return inState{name, s}, p.close()
}

func (p *ruleParser) close() error {
	if !p.mark(')') {
		return p.wrong("')'")
	}
	return nil
}

// name consumes an alarm's name or ARN.
func (p *ruleParser) name() (string, error) {
	if err := p.element(); err != nil {
		return "", err
	}
	name, ok := p.quoted()
	if !ok {
		rest := p.rest()
		if name = rest[:wordEnd(rest)]; name == "" {
			return "", p.nameless()
		}
		p.at += len(name)
	}
	p.names = append(p.names, name)
	return name, nil
}

// quoted consumes a name in quotes; ok is false where there is none, or its end is missing.
func (p *ruleParser) quoted() (name string, ok bool) {
	rest := p.rest()
	if rest == "" || rest[0] != '"' {
		return "", false
	}
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '"':
			p.at += i + 1
			return b.String(), true
		case rest[i] == '\\' && i+1 < len(rest):
			i++
		}
		b.WriteByte(rest[i])
	}
	return "", false
}

// nameless refuses a token where an alarm's name must be. Two closing parentheses are named together: recorded.
func (p *ruleParser) nameless() error {
	token := p.token()
	if strings.HasPrefix(p.rest(), "))") {
		token = "))"
	}
	return fmt.Errorf("Error in AlarmRule [Unsupported token '%s' at char %d, must be: 'NOT', 'AND', 'OR', 'AT_LEAST', NUMBER, "+
		"PERCENTAGE NUMBER, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA, unquoted alarm name, quoted alarm name]", token, p.at)
}

// atLeast parses what follows AT_LEAST: (n or n%, STATE or NOT STATE, (alarm, …)).
func (p *ruleParser) atLeast() (node, error) {
	if !p.mark('(') {
		return nil, p.wrong("'('")
	}
	number, percent, err := p.threshold()
	if err != nil {
		return nil, err
	}
	if !p.mark(',') {
		return nil, p.wrong("','")
	}
	n := atLeast{not: p.word("NOT") != ""}
	if n.want = p.state(); n.want == 0 {
		return nil, p.wrong("'NOT', ALARM, OK, or INSUFFICIENT_DATA")
	}
	if !p.mark(',') {
		return nil, p.wrong("','")
	}
	if !p.mark('(') {
		return nil, p.wrong("'('")
	}
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		n.alarms = append(n.alarms, name) // one that is named twice counts twice: recorded
		if !p.mark(',') {
			break
		}
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	if n.count, err = needed(number, percent, len(n.alarms)); err != nil {
		return nil, err
	}
	return n, p.close()
}

// needed returns how many of a number of alarms a threshold means.
func needed(number int, percent bool, alarms int) (int, error) {
	switch {
	case percent && (number < 1 || number > 100):
		return 0, fmt.Errorf("Error in AlarmRule [AT_LEAST percentage threshold must be between 1 and 100]")
	case percent:
		return (number*alarms + 99) / 100, nil // 50 % of 3 alarms are 2 of them
	case number < 1 || number > alarms:
		return 0, fmt.Errorf("Error in AlarmRule [AT_LEAST absolute threshold must be between 1 and number of alarms (%d)]", alarms)
	default:
		return number, nil
	}
}

// threshold consumes n or n%, in quotes or not.
func (p *ruleParser) threshold() (n int, percent bool, err error) {
	text, ok := p.quoted()
	if !ok {
		rest := p.rest()
		text = rest[:wordEnd(rest)]
	}
	digits, percent := strings.CutSuffix(text, "%")
	if n, err = strconv.Atoi(digits); err != nil || strings.Trim(digits, "0123456789") != "" {
		return 0, false, p.wrong("NUMBER, PERCENTAGE NUMBER")
	}
	if !ok {
		p.at += len(text)
	}
	return n, percent, nil
}
