package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"bellows.dev/bellows/internal/certs"
)

// TLS is how connections are secured. Each mode has settings of its own.
type TLS struct {
	Mode string `yaml:"mode"` // off, internal, files or auto; default off

	Names []string `yaml:"names"` // internal: private names and addresses of this server besides localhost and those of the machine

	Certificate string `yaml:"certificate"` // files: the certificate and the chain of its issuers, in PEM
	Key         string `yaml:"key"`         // files: its key, in PEM

	Domains []string `yaml:"domains"` // auto: the names that certificates are for
	Email   string   `yaml:"email"`   // auto: of the account
	CA      string   `yaml:"ca"`      // auto: URL of the authority's ACME directory; default Let's Encrypt's
	CARoot  string   `yaml:"ca_root"` // auto: certificate that the authority's server is signed with, of a private authority
}

// check returns what is wrong with the settings, by setting.
func (t *TLS) check(wrong func(name, format string, args ...any)) {
	if !slices.Contains(certs.Modes(), t.Mode) {
		wrong("mode", "tls.mode is %q; want %s", t.Mode, strings.Join(certs.Modes(), ", "))
	}
	if t.Mode == certs.Files && (t.Certificate == "" || t.Key == "") {
		wrong("mode", "tls.mode is files: certificate and key must name the files")
	}
	if t.Mode == certs.Auto && len(t.Domains) == 0 {
		wrong("mode", "tls.mode is auto: domains must list the names that certificates are for")
	}
	if u, err := url.Parse(t.CA); t.CA != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		wrong("ca", "tls.ca is %q; want an https URL", t.CA)
	}
}

// Check returns what is wrong with the settings.
func (t *TLS) Check() error {
	var all []error
	t.check(func(_, format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) })
	return errors.Join(all...)
}

// within resolves relative paths against a folder.
func (t *TLS) within(folder string) {
	for _, path := range []*string{&t.Certificate, &t.Key, &t.CARoot} {
		if *path != "" {
			*path = within(folder, *path)
		}
	}
}

// Proxies returns the addresses of trusted_proxies.
func (c *Config) Proxies() []netip.Prefix {
	out := make([]netip.Prefix, 0, len(c.TrustedProxies))
	for _, x := range c.TrustedProxies {
		if p, err := parsePrefix(x); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// parsePrefix parses an address or a prefix.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}
