// Package query parses PromQL within limits, because the time that Prometheus' parser and formatter need grows with the square and the cube of the
// nesting, and nothing can stop them.
package query

import (
	"fmt"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Limits of a query. A query within them is parsed within milliseconds, and formatted within two seconds of CPU time.
const (
	LengthMax    = 64 << 10 // bytes
	NestingMax   = 100      // levels of brackets, function calls, operators and subqueries
	OperatorsMax = 2000     // of one query
)

var prometheus = parser.NewParser(parser.Options{})

// Parse parses a query. Errors are those of Prometheus' parser, or name the limit that the query exceeds.
func Parse(text string) (parser.Expr, error) {
	if err := check(text); err != nil {
		return nil, err
	}
	e, err := prometheus.ParseExpr(text)
	if err != nil {
		return nil, err
	}
	if deeper(e, NestingMax) {
		return nil, errNested
	}
	return e, nil
}

// Selectors parses series selectors, as in match[]. Errors are as of Parse.
func Selectors(texts []string) ([][]*labels.Matcher, error) {
	length := 0
	for _, text := range texts {
		if length += len(text); length > LengthMax {
			return nil, fmt.Errorf("the selectors are longer than %d bytes", LengthMax)
		}
		if err := check(text); err != nil {
			return nil, err
		}
	}
	return prometheus.ParseMetricSelectors(texts)
}

var errNested = fmt.Errorf("the query is nested more than %d levels deep", NestingMax)

// check checks before parsing what a lexer can see: length, depth of brackets and number of operators.
func check(text string) error {
	if len(text) > LengthMax {
		return fmt.Errorf("the query is longer than %d bytes", LengthMax)
	}
	lexer := parser.Lex(text)
	depth, operators := 0, 0
	for {
		var item parser.Item
		lexer.NextItem(&item)
		switch {
		case item.Typ == parser.EOF || item.Typ == parser.ERROR:
			return nil // the parser describes what is wrong
		case item.Typ == parser.LEFT_PAREN || item.Typ == parser.LEFT_BRACKET || item.Typ == parser.LEFT_BRACE:
			if depth++; depth > NestingMax {
				return errNested
			}
		case item.Typ == parser.RIGHT_PAREN || item.Typ == parser.RIGHT_BRACKET || item.Typ == parser.RIGHT_BRACE:
			depth--
		case item.Typ.IsOperator():
			if operators++; operators > OperatorsMax {
				return fmt.Errorf("the query has more than %d operators", OperatorsMax)
			}
		}
	}
}

// deeper reports whether an expression has more levels than max.
func deeper(e parser.Node, max int) bool {
	if max == 0 {
		return true
	}
	for child := range parser.ChildrenIter(e) {
		if deeper(child, max-1) {
			return true
		}
	}
	return false
}
