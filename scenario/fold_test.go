package scenario

import (
	"strings"
	"testing"
)

// Decisions that repeat each minute without effect are printed once at each end; what happens between is printed whole, and the trace stays.
func TestRepeatedDecisionsAreFolded(t *testing.T) {
	const text = `endpoint chat variant=blue instances=1 start=1s
target chat/blue min=1 max=4
step less on chat/blue steps=..0:-1
alarm idle policy=less on chat/blue metric=App/Queue below=10
metric App/Queue 5x20 50 5x3
`
	whole, err := Run(text)
	if err != nil {
		t.Fatal(err)
	}
	folded, err := RunWith(text, Options{Fold: true})
	if err != nil {
		t.Fatal(err)
	}
	const decision = " decision desired 1: less: idle in ALARM"
	if all := strings.Count(whole.Text, decision); all != 22 {
		t.Errorf("%d decisions:\n%s", all, whole.Text)
	}
	if got := strings.Count(folded.Text, decision); got != 1+2+2 || !strings.Contains(folded.Text, "… 17 more decisions without effect, the last:\n") {
		t.Errorf("%d decisions:\n%s", got, folded.Text)
	}
	if whole.Trace != folded.Trace {
		t.Error("the traces differ")
	}
}
