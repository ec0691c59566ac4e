// Package addrfile keeps the address and the region of the server of a data directory in a file there, where clients on the same machine find
// them.
package addrfile

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// fileName is the file. It has one line: address, space, region; with TLS also "https" and the name that the certificate is for.
const fileName = "address"

// Read returns the address that the server of a data directory listens on, or listened on last, and its region. found is false where no
// server has written them.
func Read(dir string) (address, region string, found bool) {
	fields, found := read(dir)
	if !found {
		return "", "", false
	}
	return fields[0], fields[1], true
}

// read returns the fields of the file: two, or four with TLS.
func read(dir string) (fields []string, found bool) {
	text, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		return nil, false
	}
	fields = strings.Fields(string(text))
	return fields, len(fields) == 2 || len(fields) == 4 && fields[2] == "https"
}

// Write writes the address and the region. It writes nothing where they are there already, and so succeeds with a full disk as well.
func Write(dir, address, region string) error {
	return write(dir, address+" "+region+"\n")
}

func write(dir, text string) error {
	file := filepath.Join(dir, fileName)
	if now, err := os.ReadFile(file); err == nil && string(now) == text {
		return nil
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the address of the server: %w", err)
	}
	return nil
}

// Reachable returns the address at which clients on this machine reach a server: for one that listens on all addresses, a loopback address.
func Reachable(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("reading the server's address: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
