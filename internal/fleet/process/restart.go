package process

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"bellows.dev/bellows/hosting"
)

// How long a copy waits before it is started again; see restarts.delay.
const (
	startupBackoffFirst = 500 * time.Millisecond
	startupBackoffMax   = 30 * time.Second
	startupBackoffEmpty = 2 * time.Second // most, while no copy of a variant that has served does

	servedBackoffFirst = 100 * time.Millisecond
	servedBackoffMax   = time.Second

	servedSteady = 10 * time.Second // after serving for this time a copy's count of failures starts again
)

// restarts counts a copy's failures.
type restarts struct {
	startup int // starts in a row that never served
	served  int // times in a row that it served, but not for long
}

// ended counts one more end: of a process that never served, or that served for so long.
func (r *restarts) ended(ready bool, healthyFor time.Duration) {
	switch {
	case !ready:
		r.startup++
	case healthyFor >= servedSteady:
		*r = restarts{}
	default:
		r.startup, r.served = 0, r.served+1
	}
}

// delay is how long the copy waits before its next start. One that served starts again at once, and after a short delay if it fails
// again and again. One that cannot start is tried less and less often: at least each half minute, and each
// two seconds where its variant has served and no copy does now. Copies never wait for each other, and jitter, 0 to 1,
// keeps those that failed together from starting together.
func (r *restarts) delay(couldServe bool, jitter float64) time.Duration {
	var d time.Duration
	switch {
	case r.startup > 0 && couldServe:
		d = doubled(startupBackoffFirst, r.startup-1, startupBackoffEmpty)
	case r.startup > 0:
		d = doubled(startupBackoffFirst, r.startup-1, startupBackoffMax)
	case r.served > 1:
		d = doubled(servedBackoffFirst, r.served-2, servedBackoffMax)
	}
	return time.Duration(float64(d) * (0.5 + jitter/2))
}

// doubled is a duration doubled some times, up to a limit.
func doubled(d time.Duration, times int, most time.Duration) time.Duration {
	for range times {
		if d >= most {
			break
		}
		d *= 2
	}
	return min(d, most)
}

// variantKey names the copies that run one model for a variant, or for a component on its instances: an update brings another.
type variantKey struct{ account, region, endpoint, variant, component, model string }

func keyOf(i hosting.InstanceSpec, c hosting.CopySpec) variantKey {
	return variantKey{i.Account, i.Region, i.Endpoint, i.Variant, c.Component, c.Model}
}

// variant is what the copies of one variantKey share.
type variant struct {
	copies int // guarded by the fleet's mutex

	mu      sync.Mutex
	serving int
	served  bool          // one has served
	changed chan struct{} // closed at the next change
}

// variant returns a copy's variant. The fleet's mutex is held, or nothing else runs yet.
func (f *Fleet) variant(i hosting.InstanceSpec, c hosting.CopySpec) *variant {
	key := keyOf(i, c)
	v := f.variants[key]
	if v == nil {
		v = &variant{changed: make(chan struct{})}
		f.variants[key] = v
	}
	v.copies++
	return v
}

// leaveVariant forgets a variant with its last copy. The fleet's mutex is held.
func (f *Fleet) leaveVariant(k *keeper) {
	if k.variant.copies--; k.variant.copies == 0 {
		delete(f.variants, keyOf(k.instance, k.spec))
	}
}

// count notes that a copy begins, 1, or ceases, -1, to serve.
func (v *variant) count(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.serving += n
	v.served = v.served || n > 0
	close(v.changed)
	v.changed = make(chan struct{})
}

// look returns how many copies serve, whether one has served, and a channel that is closed at the next change of the two.
func (v *variant) look() (serving int, served bool, changed <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.serving, v.served, v.changed
}

// rest waits until the copy is to be started again, and reports false where ctx ends before. One that could not start tries again when
// another of its variant begins to serve: the reason may have been the same.
func (k *keeper) rest(ctx context.Context) bool {
	began, jitter := time.Now(), rand.Float64()
	before, served, changed := k.variant.look()
	for {
		wait := time.NewTimer(k.restarts.delay(served && before == 0, jitter) - time.Since(began))
		select {
		case <-ctx.Done():
			wait.Stop()
			return false
		case <-wait.C:
			return true
		case <-changed:
			wait.Stop()
		}
		var now int
		now, served, changed = k.variant.look()
		if now > before && k.restarts.startup > 0 {
			return true
		}
		before = now
	}
}
