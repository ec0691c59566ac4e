package credentials

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func newTestRing(t *testing.T) (*Ring, Key) {
	t.Helper()
	dir := t.TempDir()
	keys, _, err := Load(dir, func() Key { return New("123456789012", "admin", noon) })
	if err != nil {
		t.Fatal(err)
	}
	return NewRing(dir, keys, noon), keys[0]
}

// A change is in the file before it takes effect, and calls OnChange.
func TestRing(t *testing.T) {
	r, admin := newTestRing(t)
	changes := 0
	r.OnChange(func() { changes++ })
	ann := New("123456789012", "ann", noon)
	ann.ReadOnly = true
	if err := r.Add(ann); err != nil {
		t.Fatal(err)
	}
	if k, found := r.Lookup(ann.AccessKeyID); !found || k != ann {
		t.Errorf("%+v, %v", k, found)
	}
	later := noon.Add(time.Hour)
	if err := r.Expire(ann.AccessKeyID, later); err != nil {
		t.Fatal(err)
	}
	ann.Expires = later
	if keys, _, err := Load(r.dir, nil); err != nil || !slices.Equal(keys, []Key{admin, ann}) {
		t.Errorf("the file has %+v, %v", keys, err)
	}
	if ann.Expired(later.Add(-1)) || !ann.Expired(later) || admin.Expired(later) {
		t.Error("keys expire at their time")
	}
	if err := r.Remove(ann.AccessKeyID); err != nil {
		t.Fatal(err)
	}
	if _, found := r.Lookup(ann.AccessKeyID); found || changes != 3 {
		t.Errorf("found %v, %d changes", found, changes)
	}
}

// There is always a key that may make others.
func TestTheLastKeyThatMayMakeOthersStays(t *testing.T) {
	r, admin := newTestRing(t)
	reader, guest, other := New(admin.Account, "ann", noon), New(admin.Account, "ben", noon), New("999999999999", "cy", noon)
	reader.ReadOnly, guest.Expires = true, noon.Add(time.Hour)
	for _, k := range []Key{reader, guest, other} {
		if err := r.Add(k); err != nil {
			t.Fatal(err)
		}
	}
	for what, err := range map[string]error{
		"revoked": r.Remove(admin.AccessKeyID), "expires": r.Expire(admin.AccessKeyID, noon.Add(time.Hour)),
	} {
		if !errors.Is(err, ErrLast) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if keys, _, err := Load(r.dir, nil); err != nil || len(keys) != 4 || keys[0] != admin {
		t.Errorf("a refused change wrote %+v, %v", keys, err)
	}
	if err := r.Remove("AKIDOTHER"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	second := New(admin.Account, "dee", noon)
	if err := errors.Join(r.Add(second), r.Remove(admin.AccessKeyID)); err != nil {
		t.Fatal(err)
	}
	if own, err := Own(r.dir); err != nil || own != second {
		t.Errorf("programs on this machine use %+v, %v", own, err)
	}
	if r.Account() != admin.Account {
		t.Error("the administrator's account has changed")
	}
}

// Reload takes keys over that were written into the file, and says nothing where there are none.
func TestReload(t *testing.T) {
	r, admin := newTestRing(t)
	changes := 0
	r.OnChange(func() { changes++ })
	if err := r.Reload(); err != nil || changes != 0 {
		t.Errorf("%v, %d changes", err, changes)
	}
	ann := New(admin.Account, "ann", noon)
	if err := save(r.dir, []Key{admin, ann}); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err != nil || changes != 1 {
		t.Errorf("%v, %d changes", err, changes)
	}
	if _, found := r.Lookup(ann.AccessKeyID); !found {
		t.Error("the key is not known")
	}
}

// A file that was edited by hand may have no key left that administers; keys can still be added.
func TestAddWithoutAKeyThatAdministers(t *testing.T) {
	r, admin := newTestRing(t)
	ben, cy := New("999999999999", "ben", noon), New("999999999999", "cy", noon)
	if err := save(r.dir, []Key{ben}); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := r.Add(cy); err != nil {
		t.Fatal(err)
	}
	if keys, _, err := Load(r.dir, nil); err != nil || !slices.Equal(keys, []Key{ben, cy}) {
		t.Errorf("the file has %+v, %v", keys, err)
	}
	if err := r.Add(New(admin.Account, "dee", noon)); err != nil {
		t.Error(err)
	}
}
