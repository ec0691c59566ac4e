package certs

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Validity of certificates. A certificate is renewed when a third of its time is left.
const (
	caFor   = 10 * 365 * 24 * time.Hour
	leafFor = 30 * 24 * time.Hour
	before  = time.Hour // for clocks of clients that are slow
)

const caKeyFile = "ca-key.pem"

// privateSuffixes end the names that are private: RFC 6761, RFC 6762, RFC 8375, and names that networks use of old.
var privateSuffixes = []string{"localhost", "local", "internal", "lan", "home.arpa", "test"}

// privateNetworks are loopback, link-local and private addresses: RFC 1918, RFC 3927, RFC 4193, RFC 6598.
var privateNetworks = networks("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10")

func networks(all ...string) (out []*net.IPNet) {
	for _, text := range all {
		if _, n, err := net.ParseCIDR(text); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// authority is a Source with a certificate authority of its own. The authority's certificate permits loopback and private names and addresses
// alone, so that trusting it, and its key in other hands, puts no public name at risk.
type authority struct {
	now   func() time.Time
	cert  *x509.Certificate
	key   crypto.Signer
	names []string

	mu   sync.Mutex
	leaf *tls.Certificate
	ips  []net.IP // of leaf
}

// OpenInternal returns the authority of a data directory, making it on first use: tls/ca.pem is its certificate. names are served besides localhost,
// the name of this machine, and its private addresses; they must be private names or addresses.
func OpenInternal(dir string, names []string, now func() time.Time) (Source, error) {
	a := &authority{now: now, names: []string{"localhost"}}
	if host, err := os.Hostname(); err == nil && private(host) {
		a.names = append(a.names, strings.ToLower(host))
	}
	for _, name := range names {
		if !private(name) {
			return nil, fmt.Errorf("tls: names has %q, which is no private name or address: certificates for public names are for --tls auto or files", name)
		}
		a.names = append(a.names, strings.ToLower(name))
	}
	slices.Sort(a.names)
	a.names = slices.Compact(a.names)
	dir = filepath.Join(dir, Dir)
	err := a.load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = a.make(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the certificate authority: %w", err)
	}
	for _, name := range a.names {
		if net.ParseIP(name) == nil && !a.permits(name) {
			return nil, fmt.Errorf("the certificate authority in %s, made on %s, is not for the name %s: move the folder away, and trust the new %s", dir,
				a.cert.NotBefore.Format(time.DateOnly), name, CAFile)
		}
	}
	if now().After(a.cert.NotAfter.Add(-leafFor)) {
		return nil, fmt.Errorf("the certificate authority in %s expires on %s: move the folder away, and trust the new %s", dir, a.cert.NotAfter.Format(time.DateOnly), CAFile)
	}
	return a, nil
}

// private reports whether a name is one that only a private network knows: a single label, one with a private suffix, or a private address.
func private(name string) bool {
	if ip := net.ParseIP(name); ip != nil {
		return slices.ContainsFunc(privateNetworks, func(n *net.IPNet) bool { return n.Contains(ip) })
	}
	name = strings.ToLower(name)
	return name != "" && (!strings.Contains(name, ".") || slices.ContainsFunc(privateSuffixes, func(s string) bool { return strings.HasSuffix(name, "."+s) }))
}

// permits reports whether the authority's certificate permits a name.
func (a *authority) permits(name string) bool {
	return slices.ContainsFunc(a.cert.PermittedDNSDomains, func(d string) bool { return name == d || strings.HasSuffix(name, "."+d) })
}

func (a *authority) load(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, CAFile))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(dir, caKeyFile))
	if errors.Is(err, fs.ErrNotExist) { // clients trust the certificate: another is not for this server to choose
		return fmt.Errorf("%s has %s without its key %s: restore the key, or move the folder away, and trust the new %s", dir, CAFile, caKeyFile, CAFile)
	}
	if err != nil {
		return err
	}
	both, err := tls.X509KeyPair(text, key)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	signer, ok := both.PrivateKey.(crypto.Signer)
	if a.cert, a.key = both.Leaf, signer; !ok || !a.cert.IsCA {
		return fmt.Errorf("%s has no certificate authority", dir)
	}
	return nil
}

// make makes a new authority. Its key is written first: a certificate without its key would be trusted for nothing.
func (a *authority) make(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	host, _ := os.Hostname() // only for people
	now := a.now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Bellows on " + host, Organization: []string{"Bellows, local certificate authority"}},
		NotBefore: now.Add(-before), NotAfter: now.Add(caFor), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: slices.Clone(privateSuffixes), PermittedIPRanges: privateNetworks,
	}
	for _, name := range a.names {
		if net.ParseIP(name) == nil && !strings.Contains(name, ".") && name != "localhost" {
			template.PermittedDNSDomains = append(template.PermittedDNSDomains, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := replace(filepath.Join(dir, caKeyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		return err
	}
	if err := replace(filepath.Join(dir, CAFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil {
		return err
	}
	return a.load(dir)
}

// replace writes a file as a whole, so that a crash or a full disk leaves the earlier one, or none. Only its owner may read it.
func replace(path string, text []byte) error {
	half := path + ".new"
	f, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(half))
	}
	return os.Rename(half, path)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the system has no randomness
	}
	return n.Add(n, big.NewInt(1))
}

// Config implements Source.
func (a *authority) Config() *tls.Config { return config(a.certificate) }

// Name implements Source.
func (*authority) Name() string { return "" }

// Run implements Source: certificates are made when they are asked for.
func (*authority) Run(context.Context) {}

// certificate returns the certificate of a handshake, and makes another where two thirds of its time have passed or the connection has come to
// an address that it does not have.
func (a *authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, here := a.now(), localIP(hello)
	if a.leaf != nil && now.Before(a.leaf.Leaf.NotAfter.Add(-leafFor/3)) && (here == nil || slices.ContainsFunc(a.ips, here.Equal)) {
		return a.leaf, nil
	}
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if here != nil {
		ips = append(ips, here)
	}
	ips = append(ips, a.ips...)
	return a.issue(now, ips)
}

// localIP returns the private address that a connection has come to, nil where there is none.
func localIP(hello *tls.ClientHelloInfo) net.IP {
	if hello.Conn == nil {
		return nil
	}
	host, _, err := net.SplitHostPort(hello.Conn.LocalAddr().String())
	if err != nil || !private(host) {
		return nil
	}
	return net.ParseIP(host)
}

func (a *authority) issue(now time.Time, ips []net.IP) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Bellows"}, NotBefore: now.Add(-before), NotAfter: now.Add(leafFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, name := range a.names {
		if ip := net.ParseIP(name); ip != nil {
			ips = append(ips, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	slices.SortFunc(ips, func(x, y net.IP) int { return strings.Compare(x.String(), y.String()) })
	template.IPAddresses = slices.CompactFunc(ips, net.IP.Equal)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	a.leaf, a.ips = &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, template.IPAddresses
	return a.leaf, nil
}
