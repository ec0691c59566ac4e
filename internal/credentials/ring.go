package credentials

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// KeysMax limits the keys of a data directory: the file is read and written as a whole.
const KeysMax = 1000

// Errors of changes. Nothing has changed.
var (
	ErrUnknown = errors.New("there is no such access key")
	ErrTooMany = fmt.Errorf("there are %d access keys, which is the most that a data directory has", KeysMax)

	// ErrLast is the error of a change after which there is no key to make others with.
	ErrLast = errors.New("it is the last key of the administrator's account that never expires and is not read-only: create another first")
)

// Ring has the keys of a running server. Changes are in the file before they take effect. Its methods may be called by any number of goroutines;
// Lookup takes no lock.
type Ring struct {
	dir     string
	account string // of the administrator
	known   atomic.Pointer[keyring]

	mu      sync.Mutex // held by changes
	changed func()     // see OnChange
}

// keyring is the content of the file; it is replaced, never modified.
type keyring struct {
	keys []Key
	byID map[string]Key
}

func newKeyring(keys []Key) *keyring {
	r := &keyring{keys: keys, byID: make(map[string]Key, len(keys))}
	for _, k := range keys {
		r.byID[k.AccessKeyID] = k
	}
	return r
}

// NewRing returns a ring of the keys that Load returned for a data directory. The administrator's account is that of Administrator.
func NewRing(dir string, keys []Key, now time.Time) *Ring {
	r := &Ring{dir: dir, account: Administrator(keys, now).Account}
	r.known.Store(newKeyring(keys))
	return r
}

// OnChange sets what is called after each change. It must be called before the first one.
func (r *Ring) OnChange(f func()) { r.changed = f }

// Keys returns all keys, in the order of the file. They must not be changed.
func (r *Ring) Keys() []Key { return r.known.Load().keys }

// Lookup returns a key, which may be expired.
func (r *Ring) Lookup(accessKeyID string) (Key, bool) {
	k, found := r.known.Load().byID[accessKeyID]
	return k, found
}

// Account returns the administrator's account, whose keys may change the keys of all accounts.
func (r *Ring) Account() string { return r.account }

// Add adds a key. It fails with ErrTooMany.
func (r *Ring) Add(k Key) error {
	return r.change(func(keys []Key) ([]Key, error) {
		if len(keys) >= KeysMax {
			return nil, ErrTooMany
		}
		return append(keys, k), nil
	})
}

// Expire makes a key expire at a time; the zero time is never. It fails with ErrUnknown and ErrLast.
func (r *Ring) Expire(accessKeyID string, at time.Time) error {
	return r.change(func(keys []Key) ([]Key, error) {
		i := slices.IndexFunc(keys, func(k Key) bool { return k.AccessKeyID == accessKeyID })
		if i < 0 {
			return nil, ErrUnknown
		}
		keys[i].Expires = at
		return keys, r.administered(keys)
	})
}

// Remove removes a key. It fails with ErrUnknown and ErrLast.
func (r *Ring) Remove(accessKeyID string) error {
	return r.change(func(keys []Key) ([]Key, error) {
		rest := slices.DeleteFunc(keys, func(k Key) bool { return k.AccessKeyID == accessKeyID })
		if len(rest) == len(r.known.Load().keys) {
			return nil, ErrUnknown
		}
		return rest, r.administered(rest)
	})
}

func (r *Ring) administered(keys []Key) error {
	if slices.ContainsFunc(keys, func(k Key) bool { return k.Account == r.account && k.administers() }) {
		return nil
	}
	return ErrLast
}

// change replaces the keys by what f returns, which may change its argument: first in the file.
func (r *Ring) change(f func([]Key) ([]Key, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys, err := f(slices.Clone(r.Keys()))
	if err != nil {
		return err
	}
	if Administrator(keys, time.Time{}).Account != r.account { // the file's first one decides
		i := slices.IndexFunc(keys, func(k Key) bool { return k.Account == r.account && k.administers() })
		if i >= 0 { // there is none in a file that was edited by hand
			keys = slices.Concat(keys[i:i+1], keys[:i], keys[i+1:])
		}
	}
	if err := save(r.dir, keys); err != nil {
		return err
	}
	r.take(keys)
	return nil
}

func (r *Ring) take(keys []Key) {
	r.known.Store(newKeyring(keys))
	if r.changed != nil {
		r.changed()
	}
}

// Reload reads the file again, for keys that were written into it by hand. A file that Load refuses changes nothing.
func (r *Ring) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys, _, err := Load(r.dir, nil)
	if err != nil {
		return err
	}
	if now := r.known.Load().byID; !maps.Equal(now, newKeyring(keys).byID) {
		r.take(keys)
	}
	return nil
}

// administers reports whether a key may change everything, for ever.
func (k Key) administers() bool { return !k.ReadOnly && k.Expires.IsZero() && k.SessionToken == "" }

// Expired reports whether a key is no longer valid.
func (k Key) Expired(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// Administrator returns the key that programs on the server's machine use: the first that may change everything and never expires, or else the
// first that is valid, or else the first.
func Administrator(keys []Key, now time.Time) Key {
	if i := slices.IndexFunc(keys, Key.administers); i >= 0 {
		return keys[i]
	}
	if i := slices.IndexFunc(keys, func(k Key) bool { return !k.ReadOnly && !k.Expired(now) }); i >= 0 {
		return keys[i]
	}
	return keys[0]
}

// Own returns the administrator's key of a data directory, for programs that call its server. It fails with fs.ErrNotExist where the directory is
// none of a server.
func Own(dir string) (Key, error) {
	keys, _, err := Load(dir, nil)
	if err != nil {
		return Key{}, err
	}
	return Administrator(keys, time.Now()), nil
}
