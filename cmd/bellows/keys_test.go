package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"bellows.dev/bellows/internal/client"
)

// get asks the console's API with a key as user name and password, or with a session's cookie.
func (s *served) get(path string, k client.Key, cookie string) int {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if r.Header.Set("Cookie", cookie); cookie == "" {
		r.SetBasicAuth(k.AccessKeyID, k.SecretAccessKey)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Body.Close()
	return w.StatusCode
}

func (s *served) session(k client.Key) (cookie string) {
	s.t.Helper()
	text, _ := json.Marshal(map[string]string{"access_key_id": k.AccessKeyID, "secret_access_key": k.SecretAccessKey})
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/console/api/session", strings.NewReader(string(text)))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK || len(w.Cookies()) != 1 {
		s.t.Fatalf("signing in: %d", w.StatusCode)
	}
	return w.Cookies()[0].Name + "=" + w.Cookies()[0].Value
}

// keys runs a command below keys and decodes what it prints.
func (s *served) keys(out any, args ...string) error {
	s.t.Helper()
	text, err := bellows(s.t.Context(), append([]string{"keys", "--data-dir", s.dir, "--json"}, args...)...)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal([]byte(text), out)
}

// Keys are made, listed, expired and revoked while the server runs, which takes each change over at once; their sessions end.
func TestKeysWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir)
	var reader, guest client.Key
	if err := s.keys(&reader, "create", "--user", "ann", "--read-only"); err != nil || !reader.ReadOnly || reader.SecretAccessKey == "" || !reader.Expires.IsZero() {
		t.Fatalf("%+v, %v", reader, err)
	}
	if err := s.keys(&guest, "create", "--user", "ben", "--account", "999999999999", "--expires", "1h"); err != nil || guest.Account != "999999999999" || guest.Expires.IsZero() {
		t.Fatalf("%+v, %v", guest, err)
	}
	sessions := map[*client.Key]string{&reader: s.session(reader), &guest: s.session(guest)}
	for k, cookie := range sessions {
		if a, b := s.get("/console/api/session", *k, ""), s.get("/console/api/session", *k, cookie); a != 200 || b != 200 {
			t.Errorf("%s: %d with the key, %d with the session", k.User, a, b)
		}
	}
	var listed []client.Key
	if err := s.keys(&listed, "list"); err != nil || len(listed) != 3 || listed[1].User != "ann" || listed[1].SecretAccessKey != "" {
		t.Errorf("%+v, %v", listed, err)
	}
	if err := s.keys(&guest, "expire", guest.AccessKeyID); err != nil || guest.Status != "Expired" {
		t.Errorf("%+v, %v", guest, err)
	}
	if err := s.keys(nil, "revoke", reader.AccessKeyID); err != nil {
		t.Error(err)
	}
	for k, cookie := range sessions {
		if a, b := s.get("/console/api/session", *k, ""), s.get("/console/api/session", *k, cookie); a != 401 || b != 401 {
			t.Errorf("%s, afterwards: %d with the key, %d with the session", k.User, a, b)
		}
	}
	for what, args := range map[string][]string{
		"is the last key": {"revoke", s.key.AccessKeyID}, "cannot be found": {"revoke", reader.AccessKeyID}, "UserName must have": {"create", "--user", "a b"},
		"twelve digits": {"create", "--user", "a", "--account", "12"}, "want a duration": {"create", "--user", "a", "--expires", "soon"},
		"must be in the future": {"create", "--user", "a", "--expires", "2020-01-01T00:00:00Z"},
	} {
		if err := s.keys(nil, args...); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v: %v, want %q", args, err, what)
		}
	}
	if text, err := bellows(t.Context(), "keys", "list", "--data-dir", dir); err != nil || !strings.Contains(text, "(expired)") || strings.Count(text, "\n") != 3 {
		t.Errorf("%v\n%s", err, text)
	}
	s.stop()
	serve(t, dir)
	if err := s.keys(&listed, "list"); err != nil || len(listed) != 2 || listed[1].Status != "Expired" {
		t.Errorf("after a restart: %+v, %v", listed, err)
	}
}

// A key of another account sees and changes the keys of its own account alone.
func TestKeysOfAnotherAccount(t *testing.T) {
	s := serve(t, t.TempDir())
	var other, sibling client.Key
	if err := s.keys(&other, "create", "--user", "ben", "--account", "999999999999"); err != nil {
		t.Fatal(err)
	}
	c, err := client.Open(t.Context(), client.Options{Dir: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	c.As(other)
	if all, err := c.Keys(t.Context()); err != nil || len(all) != 1 || all[0].AccessKeyID != other.AccessKeyID {
		t.Errorf("%+v, %v", all, err)
	}
	if sibling, err = c.CreateKey(t.Context(), client.Key{User: "cy"}); err != nil || sibling.Account != "999999999999" {
		t.Errorf("%+v, %v", sibling, err)
	}
	if _, err := c.CreateKey(t.Context(), client.Key{User: "cy", Account: s.key.Account}); err == nil || !strings.Contains(err.Error(), "is not authorized to perform: bellows:CreateAccessKey") {
		t.Error(err)
	}
	if err := c.RevokeKey(t.Context(), s.key.AccessKeyID); err == nil || !strings.Contains(err.Error(), "cannot be found") {
		t.Error(err)
	}
}
