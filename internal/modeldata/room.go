package modeldata

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// roomStep is how much room a fetch takes at a time.
	roomStep = 8 << 20

	// diskReserve is how much of the disk is left to others: the journal lies on it too.
	diskReserve = 256 << 20
)

// room is what one fetch may write. It takes bytes of the cache as it grows, which evicts what no copy uses.
type room struct {
	cache *Cache
	most  int64 // bytes of one model
	used  int64
	taken int64
}

func (c *Cache) room() *room { return &room{cache: c, most: c.state.Load().settings.ModelMax} }

// add takes room for n bytes more. It fails with a problem.
func (r *room) add(n int64) error {
	if r.used += n; r.used > r.most {
		return problemf(TooLarge, "it is larger than %s, which model_max in bellows.yaml allows", bytesText(r.most))
	}
	for r.taken < r.used {
		step := max(min(roomStep, r.most-r.taken), r.used-r.taken)
		if err := r.cache.grow(step); err != nil {
			return err
		}
		r.taken += step
	}
	return nil
}

// Write counts what passes.
func (r *room) Write(p []byte) (int, error) { return len(p), r.add(int64(len(p))) }

// leave returns what was taken.
func (r *room) leave() {
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	r.cache.pending -= r.taken
	r.taken = 0
}

// grow makes room for n bytes, evicting what nothing uses, the least recently used first.
func (c *Cache) grow(n int64) error {
	for {
		enough, victim, why := c.plan(n)
		switch {
		case enough:
			return nil
		case victim == "":
			return problemf(TooLarge, "there is no room for it: %s", why)
		}
		if err := removeTree(victim); err != nil {
			return problemf(TooLarge, "making room for it: %w", err)
		}
	}
}

// plan takes n bytes where they are free, or moves aside the content that is to be evicted next.
func (c *Cache) plan(n int64) (enough bool, victim, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit, total := c.state.Load().settings.CacheMax, c.pending
	for _, e := range c.entries {
		total += e.size
	}
	free := c.free()
	if total+n <= limit && free-n >= diskReserve {
		c.pending += n
		return true, "", ""
	}
	idle := c.idle()
	if len(idle) == 0 {
		why = fmt.Sprintf("instances and fetches use %s, and cache_max in bellows.yaml is %s", bytesText(total), bytesText(limit))
		if free-n < diskReserve {
			why = fmt.Sprintf("%s are free on the disk of %s, of which %s are left to the server itself", bytesText(free), c.dir, bytesText(diskReserve))
		}
		return false, "", why
	}
	victim = c.path("tmp", "evicted-"+idle[0])
	delete(c.entries, idle[0])
	c.log.Info("model data evicted", "content", idle[0])
	if err := os.Rename(c.path("content", idle[0]), victim); err != nil {
		c.log.Warn("model data could not be evicted", "content", idle[0], "error", err)
	}
	return false, victim, ""
}

// free is how many bytes of the disk this process may still write; very many where that is not known.
func (c *Cache) free() int64 {
	var st unix.Statfs_t
	if err := unix.Statfs(c.dir, &st); err != nil {
		return 1 << 62
	}
	return int64(st.Bavail) * int64(st.Bsize) //nolint:unconvert // their types differ between platforms
}
