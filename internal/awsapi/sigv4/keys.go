package sigv4

import (
	"crypto/sha256"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// keysMax bounds how many derived keys are kept: one for each access key, day, region and service in use.
const keysMax = 256

// Keys remembers derived signing keys, which are the same for a day: deriving one takes four HMACs, and each verification one more.
// Only keys that a signature was verified with are kept. Its zero value is empty; a nil one keeps nothing. Its methods may be called by
// any number of goroutines; readers take no lock.
type Keys struct {
	known atomic.Pointer[map[keyName]*derived] // replaced, never changed

	mu sync.Mutex // of writers
}

// keyName is what a signing key depends on besides the secret.
type keyName struct{ id, date, region, service string }

// derived is a signing key as HMAC uses it: both of its padded blocks, ready to be hashed.
type derived struct {
	name         keyName
	secret       string
	identity     Identity
	inner, outer [sha256.BlockSize]byte
}

// find returns the key of a claim. One of another secret, or account, is another key.
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

// keep remembers a key. Where there is no room, those of other days go, and if that is not enough all.
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

// derive makes the signing key of a claim. Its texts are copies: a request's own do not outlive it.
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

// pad makes HMAC's two blocks of a key. RFC 2104.
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

// textMax is how long a text may be that is signed without allocating: a string to sign has about 150 bytes.
const textMax = 320

// sign is HMAC-SHA256. The standard library's allocates five times.
func (d *derived) sign(text []byte) [sha256.Size]byte {
	var room [sha256.BlockSize + textMax]byte
	b := append(append(room[:0], d.inner[:]...), text...)
	inner := sha256.Sum256(b)
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(outer[:], d.outer[:])
	copy(outer[sha256.BlockSize:], inner[:])
	return sha256.Sum256(outer[:])
}
