package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func authorityOf(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, Dir, CAFile))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// leafOf returns the certificate of a handshake at an address.
func leafOf(t *testing.T, s Source, at string) *x509.Certificate {
	t.Helper()
	c, err := s.Config().GetCertificate(&tls.ClientHelloInfo{Conn: &arrived{at: at}})
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf
}

// arrived is a connection that has come to an address.
type arrived struct {
	net.Conn
	at string
}

// LocalAddr implements net.Conn.
func (a *arrived) LocalAddr() net.Addr { x, _ := net.ResolveTCPAddr("tcp", a.at); return x }

// The authority is made once; its certificates are for localhost, the machine, the configured names and the address that a connection has come to,
// and are renewed before they expire.
func TestInternal(t *testing.T) {
	dir := t.TempDir()
	c := &clock{at: time.Now()}
	s, err := OpenInternal(dir, []string{"gpu1.lan", "192.168.7.7"}, c.now)
	if err != nil {
		t.Fatal(err)
	}
	ca := authorityOf(t, dir)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	leaf := leafOf(t, s, "10.1.2.3:4580")
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "gpu1.lan", "192.168.7.7", "10.1.2.3"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: c.now()}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok := leaf.PublicKey.(interface{ Equal(x any) bool }); ok || leaf.PublicKeyAlgorithm != x509.ECDSA {
		t.Errorf("the key is %v", leaf.PublicKeyAlgorithm)
	}
	if again := leafOf(t, s, "127.0.0.1:4580"); !again.Equal(leaf) {
		t.Error("each handshake has a certificate of its own")
	}
	if other := leafOf(t, s, "10.9.9.9:4580"); other.Equal(leaf) || other.VerifyHostname("10.9.9.9") != nil || other.VerifyHostname("10.1.2.3") != nil {
		t.Errorf("at another address: %v", other.IPAddresses)
	}
	c.pass(21 * 24 * time.Hour)
	if renewed := leafOf(t, s, "127.0.0.1:4580"); !renewed.NotAfter.After(leaf.NotAfter) {
		t.Errorf("after 21 days it still ends on %v", renewed.NotAfter)
	}
	if _, err := OpenInternal(dir, []string{"gpu1.lan"}, c.now); err != nil || !authorityOf(t, dir).Equal(ca) {
		t.Errorf("the next start: %v", err)
	}
	for file, mode := range map[string]os.FileMode{caKeyFile: 0o600, CAFile: 0o600} {
		if info, err := os.Stat(filepath.Join(dir, Dir, file)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

// The authority vouches for no public name, even with its key; and public names are refused at the start.
func TestTheAuthorityIsForPrivateNamesAlone(t *testing.T) {
	dir := t.TempDir()
	c := &clock{at: time.Now()}
	s, err := OpenInternal(dir, nil, c.now)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authorityOf(t, dir))
	stolen := s.(*authority)
	stolen.names = append(stolen.names, "example.com")
	if _, err := leafOf(t, s, "127.0.0.1:1").Verify(x509.VerifyOptions{Roots: roots, DNSName: "example.com", CurrentTime: c.now()}); err == nil {
		t.Error("a certificate for example.com is valid")
	}
	for _, name := range []string{"example.com", "8.8.8.8", "locallocalhost.org", ""} {
		if _, err := OpenInternal(t.TempDir(), []string{name}, c.now); err == nil || !strings.Contains(err.Error(), "no private name") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := OpenInternal(dir, []string{"newname"}, c.now); err == nil || !strings.Contains(err.Error(), "move the folder away") {
		t.Errorf("a name that the authority was not made for: %v", err)
	}
}

// pairAt writes a certificate for a name and its key into two files.
func pairAt(t *testing.T, dir, name string) (certificate, key string) {
	t.Helper()
	s, err := OpenInternal(t.TempDir(), []string{name}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Config().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// Files that change are read again; files that are broken leave the certificate before.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	certificate, key := pairAt(t, dir, "a.lan")
	c := &clock{at: time.Now()}
	s, err := OpenFiles(certificate, key, slog.New(slog.DiscardHandler), c.now)
	if err != nil {
		t.Fatal(err)
	}
	names := func() []string { return leafOf(t, s, "127.0.0.1:1").DNSNames }
	if got := names(); !slices.Contains(got, "a.lan") || s.Name() != "a.lan" {
		t.Errorf("%v, named %s", got, s.Name())
	}
	pairAt(t, dir, "longername.lan")
	c.pass(lookEvery)
	if got := names(); !slices.Contains(got, "longername.lan") {
		t.Errorf("after a change: %v", got)
	}
	if err := os.WriteFile(key, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.pass(lookEvery)
	if got := names(); !slices.Contains(got, "longername.lan") {
		t.Errorf("with a broken key: %v", got)
	}
	pairAt(t, dir, "c.lan")
	c.pass(lookEvery)
	if got := names(); !slices.Contains(got, "c.lan") {
		t.Errorf("after it was mended: %v", got)
	}
	if _, err := OpenFiles(certificate, filepath.Join(dir, "none"), slog.New(slog.DiscardHandler), c.now); err == nil {
		t.Error("a missing key is accepted")
	}
}

// A start after a crash that left a key without its certificate makes an authority; one that has lost the key of the certificate that clients trust
// is refused, and leaves the certificate.
func TestAnAuthorityIsWhole(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, Dir), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{caKeyFile: "cut", CAFile + ".new": "-----BEGIN"} {
		if err := os.WriteFile(filepath.Join(dir, Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenInternal(dir, nil, time.Now); err != nil {
		t.Fatal(err)
	}
	ca := authorityOf(t, dir)
	if err := os.Remove(filepath.Join(dir, Dir, caKeyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenInternal(dir, nil, time.Now); err == nil || !strings.Contains(err.Error(), "without its key") || !authorityOf(t, dir).Equal(ca) {
		t.Errorf("without its key: %v", err)
	}
}
