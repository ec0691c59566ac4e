package server

import (
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

// peak returns by how many bytes the heap grew at most while f ran. The collector runs often meanwhile, so that it is what is held that is
// measured.
func peak(t *testing.T, f func()) int64 {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, m.HeapAlloc
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	})
	f()
	close(stop)
	watching.Wait()
	runtime.ReadMemStats(&m)
	return int64(max(most, m.HeapAlloc)) - int64(before)
}
