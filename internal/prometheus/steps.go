package prometheus

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// stepsMax bounds how often one part of a query is evaluated. Prometheus' engine makes room for all steps of a subquery before it counts
// them.
const stepsMax = 500_000

// subqueryStep is the step of subqueries that have none.
const subqueryStep = time.Minute

// checkSteps refuses subqueries that are evaluated too often. span is how long the query's own range is.
func checkSteps(e parser.Node, span time.Duration) error {
	if s, ok := e.(*parser.SubqueryExpr); ok {
		step := s.Step
		if step <= 0 {
			step = subqueryStep
		}
		if span += s.Range; span < 0 || span/step > stepsMax { // a sum may overflow
			return fmt.Errorf("the subquery [%v:%v] is evaluated more than %d times; increase its step", s.Range, step, stepsMax)
		}
	}
	for child := range parser.ChildrenIter(e) {
		if err := checkSteps(child, span); err != nil {
			return err
		}
	}
	return nil
}
