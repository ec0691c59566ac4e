package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/logtest"
	"bellows.dev/bellows/internal/log/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The log in memory is a log.
func TestConformance(t *testing.T) {
	all := map[string]*memory.Store{}
	logtest.Run(t, func(t testing.TB, name string) log.Store {
		name = t.Name() + "/" + name
		if all[name] == nil {
			all[name] = &memory.Store{}
		}
		return all[name]
	})
}
