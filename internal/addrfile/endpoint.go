package addrfile

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Endpoint is where clients on the same machine reach the server of a data directory.
type Endpoint struct {
	Address string // that a connection is made to
	Region  string
	TLS     bool
	Name    string // that the server's certificate is for; "" for the address
	CAFile  string // the certificate of the server's own authority; "" where the certificate is another's
}

// caPath is the file with the certificate of a data directory's own authority, below the directory.
var caPath = filepath.Join("tls", "ca.pem")

// Find returns the endpoint of the server of a data directory. found is false where no server has written its address.
func Find(dir string) (e Endpoint, found bool, err error) {
	fields, found := read(dir)
	if !found {
		return e, false, nil
	}
	if e.Address, err = Reachable(fields[0]); err != nil {
		return e, true, err
	}
	e.Region, e.TLS = fields[1], len(fields) == 4
	if e.TLS && fields[3] != ownName {
		e.Name = fields[3]
	} else if e.TLS {
		if e.CAFile, err = filepath.Abs(filepath.Join(dir, caPath)); err != nil {
			return e, true, err
		}
	}
	return e, true, nil
}

// Host returns host and port of the URL.
func (e Endpoint) Host() string {
	if _, port, err := net.SplitHostPort(e.Address); err == nil && e.Name != "" {
		return net.JoinHostPort(e.Name, port)
	}
	return e.Address
}

// URL returns the URL of the server, without a slash at its end.
func (e Endpoint) URL() string {
	if e.TLS {
		return "https://" + e.Host()
	}
	return "http://" + e.Host()
}

// Transport returns a transport without a proxy that connects to the address, whatever the name resolves to, and trusts the server's own authority
// besides the system's.
func (e Endpoint) Transport() *http.Transport {
	t := &http.Transport{IdleConnTimeout: time.Minute}
	if !e.TLS {
		return t
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a system without one
	}
	if text, err := os.ReadFile(e.CAFile); err == nil {
		roots.AppendCertsFromPEM(text)
	}
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, e.Address)
	}
	return t
}

// ownName stands for the name of a certificate of the server's own authority.
const ownName = "-"

// WriteTLS is Write for a server with TLS, whose certificate is for a name; "" stands for one of the server's own authority.
func WriteTLS(dir, address, region, name string) error {
	if name == "" {
		name = ownName
	}
	return write(dir, strings.Join([]string{address, region, "https", name}, " ")+"\n")
}
