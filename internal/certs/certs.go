// Package certs supplies a server with its TLS certificate: from a certificate authority of its own for loopback and private names (Internal), from
// files that are read again when they change (Files), or from an ACME certificate authority (Auto).
package certs

import (
	"context"
	"crypto/tls"
)

// Modes of TLS.
const (
	Off      = "off"
	Internal = "internal"
	Files    = "files"
	Auto     = "auto"
)

// Modes returns all modes.
func Modes() []string { return []string{Off, Internal, Files, Auto} }

// Dir is the folder of a data directory with certificates and their keys, and CAFile the file in it with the certificate of our own authority.
const (
	Dir    = "tls"
	CAFile = "ca.pem"
)

// Source supplies certificates.
type Source interface {
	// Config returns the configuration of connections: HTTP/1.1 over TLS 1.2 or later.
	Config() *tls.Config

	// Name returns the host name that the certificate is for, for clients on this machine; "" for that of the address that they connect to.
	Name() string

	// Run keeps the certificates valid until ctx ends.
	Run(ctx context.Context)
}

// config returns a configuration with certificates of a source.
func config(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: certificate}
}
