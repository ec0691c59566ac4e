package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/internal/addrfile"
	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/certs"
	"bellows.dev/bellows/internal/config"
)

// Keys cross connections that are encrypted or stay on this machine. What proxies say of their clients counts for trusted ones alone.
func TestWhereKeysMayCross(t *testing.T) {
	c := config.Default()
	c.TrustedProxies = []string{"10.0.0.1", "192.168.0.0/24", "127.0.0.1"}
	s := &Server{o: Options{Config: c}}
	s.live.Store(&c)
	for _, x := range []struct {
		from, proto    string
		secured        bool
		safe, encrypts bool
	}{
		{from: "127.0.0.2:1", safe: true}, {from: "[::1]:1", safe: true}, {from: "[::ffff:127.0.0.2]:1", safe: true},
		{from: "192.0.2.7:1"}, {from: "192.0.2.7:1", secured: true, safe: true, encrypts: true},
		{from: "192.0.2.7:1", proto: "https"}, {from: "127.0.0.2:1", proto: "http", safe: true}, // they are not trusted
		{from: "10.0.0.1:1", proto: "https", safe: true, encrypts: true}, {from: "192.168.0.9:1", proto: "https", safe: true, encrypts: true},
		{from: "10.0.0.1:1", proto: "http"}, {from: "10.0.0.1:1"}, {from: "10.0.0.1:1", proto: "https, http"},
		{from: "127.0.0.1:1", proto: "http"}, {from: "127.0.0.1:1", safe: true}, // a proxy on this machine says that its client is elsewhere
	} {
		r := &http.Request{RemoteAddr: x.from, Header: http.Header{}}
		if x.proto != "" {
			r.Header.Set("X-Forwarded-Proto", x.proto)
		}
		if x.secured {
			r.TLS = &tls.ConnectionState{}
		}
		if s.safe(r) != x.safe || s.encrypted(r) != x.encrypts {
			t.Errorf("%+v: safe %t, encrypted %t", x, s.safe(r), s.encrypted(r))
		}
	}
	for from, want := range map[string]string{"10.0.0.1:1": "203.0.113.9", "192.0.2.7:1": "192.0.2.7"} {
		r := &http.Request{RemoteAddr: from, Header: http.Header{"X-Forwarded-For": {"198.51.100.1, 203.0.113.9"}}}
		if got := s.client(r); got != want {
			t.Errorf("from %s: %s, want %s", from, got, want)
		}
	}
}

// outside is an address of this machine that is not a loopback address.
func outside(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil && n.IP.IsPrivate() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no private address")
	return ""
}

// client asks a server that has a certificate of its own authority, at an address.
func trusting(t *testing.T, dir string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, certs.Dir, certs.CAFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func signInAt(t *testing.T, c *http.Client, url string, r *running) (int, string, []*http.Cookie, http.Header) {
	t.Helper()
	k, _ := r.Key()
	body := fmt.Sprintf(`{"access_key_id":%q,"secret_access_key":%q}`, k.AccessKeyID, k.SecretAccessKey)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/console/api/session", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	w, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Error(err)
	}
	return w.StatusCode, string(text), w.Cookies(), w.Header
}

// With TLS one signs in from another address than loopback, by a certificate that names it; the cookie is for TLS alone, and the audit log has how
// the connection was secured. Without TLS the same is refused, and so is the key as user name and password.
func TestSignInFromAnotherMachine(t *testing.T) {
	at := outside(t)
	dir := t.TempDir()
	r := startServer(t, func(o *Options) { o.Dir, o.Listen, o.Config.TLS.Mode = dir, "0.0.0.0:0", certs.Internal })
	_, port, _ := net.SplitHostPort(r.Address())
	code, text, cookies, header := signInAt(t, trusting(t, dir), "https://"+net.JoinHostPort(at, port), r)
	if code != 200 || len(cookies) != 1 || !cookies[0].Secure || header.Get("Strict-Transport-Security") != "" {
		t.Errorf("%d %s %v %v", code, text, cookies, header)
	}
	if all := r.records(audit.Query{Operation: "ConsoleLogin"}); len(all) != 1 || all[0].TLS == nil || all[0].TLS.Version != "TLSv1.3" || all[0].SourceIP != at {
		t.Errorf("%+v", all)
	}
	if e, found, err := addrfile.Find(dir); err != nil || !found || e.URL() != "https://127.0.0.1:"+port || e.URL() != r.URL() || e.CAFile == "" {
		t.Errorf("%+v, %v, %v", e, found, err)
	}
	plain := startServer(t, func(o *Options) { o.Listen = "0.0.0.0:0" })
	_, port, _ = net.SplitHostPort(plain.Address())
	url := "http://" + net.JoinHostPort(at, port)
	if code, text, cookies, _ := signInAt(t, http.DefaultClient, url, plain); code != 403 || !strings.Contains(text, "--tls internal") || len(cookies) != 0 {
		t.Errorf("in plain HTTP: %d %s", code, text)
	}
	k, _ := plain.Key()
	for path, want := range map[string]int{"/console/api/variants": 401, "/explain/e": 401, "/prometheus/api/v1/query?query=up": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(k.AccessKeyID, k.SecretAccessKey)
		if a := plain.send(req); a.code != want {
			t.Errorf("%s with a password in plain HTTP: %d %s", path, a.code, a.body)
		}
	}
	if all := plain.records(audit.Query{Failed: true}); len(all) != 4 {
		t.Errorf("%d refusals are recorded: %+v", len(all), all)
	}
}

// A server with a certificate from files tells browsers to stay with TLS, and names itself by the certificate.
func TestCertificateFromFiles(t *testing.T) {
	dir := t.TempDir()
	source, err := certs.OpenInternal(dir, []string{"models.lan"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := writePair(t, source, dir)
	own := t.TempDir()
	r := startServer(t, func(o *Options) {
		o.Dir, o.Config.TLS = own, config.TLS{Mode: certs.Files, Certificate: certificate, Key: key}
	})
	c := trusting(t, dir)
	code, text, cookies, header := signInAt(t, c, "https://"+r.Address(), r)
	if code != 200 || len(cookies) != 1 || !cookies[0].Secure || header.Get("Strict-Transport-Security") != "max-age=31536000" {
		t.Errorf("%d %s %v %v", code, text, cookies, header)
	}
	if e, _, err := addrfile.Find(own); err != nil || e.CAFile != "" || e.Name == "" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := New(t.Context(), Options{
		Dir: t.TempDir(), Listen: "127.0.0.1:0", Speed: 1, Config: func() config.Config {
			c := config.Default()
			c.TLS = config.TLS{Mode: certs.Files, Certificate: "/nowhere", Key: key}
			return c
		}(), Log: slog.New(slog.DiscardHandler),
	}); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("without its file: %v", err)
	}
}

// writePair writes a certificate of a source and its key into two files.
func writePair(t *testing.T, s certs.Source, dir string) (certificate, key string) {
	t.Helper()
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
