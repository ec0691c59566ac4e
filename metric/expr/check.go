package expr

import (
	"math"
	"slices"
	"strings"

	"bellows.dev/bellows/metric"
)

// checker determines the types of an expression's nodes and resolves its names.
type checker struct {
	*compiler
	query int
	path  []int
}

func (k *checker) own() *query { return &k.program.queries[k.query] }

func (k *checker) check(n *node) (t Type, err *Error) {
	switch n.kind {
	case numberNode:
		t = Scalar
	case textNode:
		t = textType
	case nameNode:
		t, err = k.name(n)
	case listNode:
		t, err = k.list(n)
	case negateNode:
		t, err = k.negate(n)
	case binaryNode:
		t, err = k.operator(n)
	case callNode:
		t, err = k.call(n)
	}
	n.typ = t
	return t, err
}

// name checks the identifier of another query.
func (k *checker) name(n *node) (Type, *Error) {
	i, found := k.ids[n.text]
	if !found {
		if !lower(n.text[0]) {
			return 0, badSyntax(n.pos) // keywords are valid in their functions only
		}
		return 0, at(n.pos, "ID '%s' not found", n.text)
	}
	if err := k.compiler.check(i, k.path); err != nil {
		return 0, err
	}
	n.query = i
	k.use(i)
	return k.program.queries[i].typ, nil
}

func (k *checker) use(i int) {
	if q := k.own(); !slices.Contains(q.refs, i) {
		q.refs = append(q.refs, i)
	}
}

// list checks an array of time series and of the members of arrays.
func (k *checker) list(n *node) (Type, *Error) {
	types, err := k.all(n.args)
	if err != nil {
		return 0, err
	}
	for _, t := range types {
		if t != Series && t != Array {
			return 0, unsupported(n.pos, "[]", types)
		}
	}
	return Array, nil
}

func (k *checker) all(nodes []*node) ([]Type, *Error) {
	types := make([]Type, len(nodes))
	for i, n := range nodes {
		t, err := k.check(n)
		if err != nil {
			return nil, err
		}
		types[i] = t
	}
	return types, nil
}

func (k *checker) negate(n *node) (Type, *Error) {
	types, err := k.all(n.args)
	if err != nil {
		return 0, err
	}
	if t := types[0]; t == Scalar || t == Series || t == Array {
		return t, nil
	}
	return 0, unsupported(n.pos, "-", types)
}

func (k *checker) operator(n *node) (Type, *Error) {
	types, err := k.all(n.args)
	if err != nil {
		return 0, err
	}
	t, ok := combines(types[0], types[1])
	if !ok {
		return 0, unsupported(n.pos, n.text, types)
	}
	n.binary = operators[n.text]
	return t, nil
}

func (k *checker) call(n *node) (Type, *Error) {
	if elsewhere[n.text] {
		return 0, at(n.pos, "Function '%s' is not supported", n.text)
	}
	fn, found := functions[n.text]
	if !found {
		return 0, at(n.pos, "Function '%s' not found", n.text) // AWS: recorded
	}
	types := make([]Type, len(n.args))
	for i, a := range n.args {
		if a.kind == nameNode && isKeyword(n.text, i, a.text) {
			a.typ, types[i] = keywordType, keywordType
			continue
		}
		t, err := k.check(a)
		if err != nil {
			return 0, err
		}
		types[i] = t
	}
	t, ok := fn.result(types)
	if !ok {
		return 0, unsupported(n.pos, n.text, types)
	}
	n.fn = fn
	return t, k.special(n)
}

// isKeyword reports whether a name is a keyword of a function at the position of one of its arguments.
func isKeyword(function string, place int, word string) bool {
	switch {
	case function == "FILL" && place == 1:
		return word == "REPEAT" || word == "LINEAR"
	case function == "SORT" && place == 1:
		return word == "AVG" || word == "MIN" || word == "MAX" || word == "SUM"
	case function == "SORT" && place == 2:
		return word == "ASC" || word == "DESC"
	default:
		return false
	}
}

// special checks what the types of a function's arguments do not determine.
func (k *checker) special(n *node) *Error {
	switch n.text {
	case "METRICS":
		for i := range k.program.queries {
			q := &k.program.queries[i]
			if q.Stat != nil && (len(n.args) == 0 || strings.Contains(q.ID, n.args[0].text)) {
				_ = k.compiler.check(i, nil) // checking a metric never fails
				n.metrics = append(n.metrics, i)
				k.use(i)
			}
		}
	case "PERIOD": // AWS: valid input is metrics, not the results of other expressions
		if a := n.args[0]; a.kind != nameNode || k.program.queries[a.query].Stat == nil {
			return unsupported(n.pos, n.text, []Type{a.typ})
		}
	case "SEARCH":
		return k.search(n)
	}
	return nil
}

func (k *checker) search(n *node) *Error {
	s, err := parseSearch(n.args[0].text)
	if err != nil {
		err.Pos = n.args[0].pos
		return err
	}
	statistic, bad := metric.ParseStatistic(n.args[1].text)
	if bad != nil {
		return at(n.args[1].pos, "The value for parameter Stat is not a valid statistic.\n") // AWS: recorded
	}
	s.statistic = statistic
	if len(n.args) == 3 {
		if err := k.searchPeriod(s, n.args[2]); err != nil {
			return err
		}
	}
	n.search, n.place = s, len(k.own().searches)
	k.own().searches = append(k.own().searches, s)
	return nil
}

// searchPeriod parses the last argument of SEARCH. AWS: recorded.
func (k *checker) searchPeriod(s *search, n *node) *Error {
	if n.kind != numberNode {
		return whole(n.pos, searchWantsPositive)
	}
	period, ok := wholeSeconds(n.number)
	seconds := math.Trunc(n.number)
	switch {
	case seconds == 0:
		return at(n.pos, "The parameter Period must not equal 0.\n")
	case seconds < 60 && !slices.Contains([]float64{1, 5, 10, 20, 30}, seconds):
		return at(n.pos, "The parameter Period must be a value in the set [1, 5, 10, 20, 30].\n")
	case !ok || seconds >= 60 && math.Mod(seconds, 60) != 0:
		return at(n.pos, "The parameter Period must be a multiple of 60.\n")
	}
	s.period = period
	return nil
}
