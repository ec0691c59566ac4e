package prometheus

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// stepsMax limits the evaluations of one part of a query. Prometheus' engine allocates memory for all steps of a subquery before it counts
// them.
const stepsMax = 500_000

// subqueryStep is the default step of subqueries.
const subqueryStep = time.Minute

// checkSteps refuses subqueries with too many evaluations. span is the length of the query's own range.
func checkSteps(e parser.Node, span time.Duration) error {
	if s, ok := e.(*parser.SubqueryExpr); ok {
		step := s.Step
		if step <= 0 {
			step = subqueryStep
		}
		if span += s.Range; span < 0 || span/step > stepsMax { // the sum may overflow
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
