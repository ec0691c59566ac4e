package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// AutoOptions configures a Source with certificates of an ACME certificate authority. Domains is required.
type AutoOptions struct {
	Domains []string
	Email   string // of the account
	CA      string // URL of the authority's directory; default Let's Encrypt's
	CARoot  string // file with the certificate that the authority's own server is signed with, of a private authority; PEM
	Dir     string // the data directory
	Port    int    // on which this server listens
	Log     *slog.Logger
}

// auto is a Source with certificates of an ACME authority.
type auto struct {
	o     AutoOptions
	cache *certmagic.Cache
	magic *certmagic.Config
}

// OpenAuto returns a Source that gets certificates by RFC 8555, with the challenge tls-alpn-01 on the server's own port, which the authority must
// reach as port 443 of each domain. Certificates and the account's key are kept in the data directory. The authority's terms of service are agreed to.
func OpenAuto(o AutoOptions) (Source, error) {
	if len(o.Domains) == 0 {
		return nil, errors.New("--tls auto needs the domains: list them under tls: in bellows.yaml")
	}
	var roots *x509.CertPool
	if o.CARoot != "" {
		text, err := os.ReadFile(o.CARoot)
		if err != nil {
			return nil, fmt.Errorf("tls: ca_root: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("tls: ca_root: %s has no certificate in PEM", o.CARoot)
		}
	}
	a := &auto{o: o}
	logger := zap.New(&toSlog{log: o.Log})
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil }, Logger: logger,
	})
	a.magic = certmagic.New(a.cache, certmagic.Config{Storage: &certmagic.FileStorage{Path: filepath.Join(o.Dir, Dir, "acme")}, Logger: logger})
	ca := o.CA
	if ca == "" {
		ca = certmagic.LetsEncryptProductionCA
	}
	a.magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(a.magic, certmagic.ACMEIssuer{
		CA: ca, TestCA: ca, Email: o.Email, Agreed: true, DisableHTTPChallenge: true, AltTLSALPNPort: o.Port, TrustedRoots: roots, Logger: logger,
	})}
	return a, nil
}

// Config implements Source.
func (a *auto) Config() *tls.Config {
	c := config(a.magic.GetCertificate)
	c.NextProtos = append(c.NextProtos, acmez.ACMETLS1Protocol)
	return c
}

// Name implements Source.
func (a *auto) Name() string { return a.o.Domains[0] }

// Run implements Source: it gets and renews certificates. Until there is one, handshakes fail.
func (a *auto) Run(ctx context.Context) {
	defer a.cache.Stop()
	if err := a.magic.ManageAsync(ctx, a.o.Domains); err != nil {
		a.o.Log.Error("certificates are not managed", "domains", a.o.Domains, "error", err)
	}
	<-ctx.Done()
}

// toSlog is a core of zap, which certmagic logs with, that logs to slog. Debug messages are dropped.
type toSlog struct {
	log    *slog.Logger
	fields []zapcore.Field
}

// Enabled implements zapcore.Core.
func (*toSlog) Enabled(l zapcore.Level) bool { return l >= zapcore.InfoLevel }

// With implements zapcore.Core.
func (t *toSlog) With(fields []zapcore.Field) zapcore.Core {
	return &toSlog{t.log, append(t.fields[:len(t.fields):len(t.fields)], fields...)}
}

// Check implements zapcore.Core.
func (t *toSlog) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if t.Enabled(e.Level) {
		return c.AddCore(e, t)
	}
	return c
}

// Write implements zapcore.Core.
func (t *toSlog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	level := slog.LevelInfo
	switch {
	case e.Level >= zapcore.ErrorLevel:
		level = slog.LevelError
	case e.Level == zapcore.WarnLevel:
		level = slog.LevelWarn
	}
	values := zapcore.NewMapObjectEncoder()
	for _, f := range append(t.fields[:len(t.fields):len(t.fields)], fields...) {
		f.AddTo(values)
	}
	t.log.Log(context.Background(), level, "certificates", "what", e.Message, "details", values.Fields)
	return nil
}

// Sync implements zapcore.Core.
func (*toSlog) Sync() error { return nil }
