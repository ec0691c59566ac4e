package sigv4

import (
	"crypto/sha256"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// keysMax limits the number of cached keys: one per access key, day, region and service in use.
const keysMax = 256

// Keys caches derived signing keys, which are valid for a day: deriving one takes four HMACs, each verification one more.
// Only keys that have verified a signature are cached. The zero value is empty; a nil *Keys caches nothing. Its methods may be called by
// any number of goroutines; reads take no lock.
type Keys struct {
	known atomic.Pointer[map[keyName]*derived] // replaced, never modified

	mu sync.Mutex // held by writers
}

// keyName identifies a signing key, except for the secret.
type keyName struct{ id, date, region, service string }

// derived is a signing key in the form that HMAC uses: both padded blocks.
type derived struct {
	name         keyName
	secret       string
	identity     Identity
	inner, outer [sha256.BlockSize]byte
}

// find returns the cached key of a claim, or nil if it was derived from another secret or account.
func (k *Keys) find(c *Claim) (*derived, bool) {
	if k == nil {
		return nil, false
	}
	known := k.known.Load()
	if known == nil {
		return nil, false
	}
	d := (*known)[keyName{c.keyID, c.date, c.region, c.service}]
	if d == nil || d.secret != c.key.Secret || d.identity.Account != c.key.Account {
		return nil, false
	}
	return d, true
}

// keep caches a key. If the cache is full, keys of other days are dropped, and if that is not enough all.
func (k *Keys) keep(d *derived) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	next := map[keyName]*derived{}
	if known := k.known.Load(); known != nil {
		next = maps.Clone(*known)
	}
	if len(next) >= keysMax {
		maps.DeleteFunc(next, func(n keyName, _ *derived) bool { return n.date != d.name.date })
	}
	if len(next) >= keysMax {
		clear(next)
	}
	next[d.name] = d
	k.known.Store(&next)
}

// derive derives the signing key of a claim. Its strings are copies, since the request's strings are not valid after it.
func derive(c *Claim) *derived {
	d := &derived{
		name:   keyName{strings.Clone(c.keyID), strings.Clone(c.date), strings.Clone(c.region), strings.Clone(c.service)},
		secret: c.key.Secret,
	}
	d.identity = Identity{AccessKeyID: d.name.id, Account: c.key.Account, Region: d.name.region, Service: d.name.service}
	d.pad([]byte("AWS4" + c.key.Secret))
	for _, part := range []string{d.name.date, d.name.region, d.name.service, "aws4_request"} {
		key := d.sign([]byte(part))
		d.pad(key[:])
	}
	return d
}

// pad computes HMAC's two padded blocks of a key. RFC 2104.
func (d *derived) pad(key []byte) {
	if len(key) > sha256.BlockSize {
		short := sha256.Sum256(key)
		key = short[:]
	}
	for i := range d.inner {
		var c byte
		if i < len(key) {
			c = key[i]
		}
		d.inner[i], d.outer[i] = c^0x36, c^0x5c
	}
}

// textMax is the length up to which a text is signed without allocation: a string to sign has about 150 bytes.
const textMax = 320

// sign computes HMAC-SHA256. The standard library's implementation allocates five times.
func (d *derived) sign(text []byte) [sha256.Size]byte {
	var room [sha256.BlockSize + textMax]byte
	b := append(append(room[:0], d.inner[:]...), text...)
	inner := sha256.Sum256(b)
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(outer[:], d.outer[:])
	copy(outer[sha256.BlockSize:], inner[:])
	return sha256.Sum256(outer[:])
}
