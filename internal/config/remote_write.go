package config

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"bellows.dev/bellows/internal/prometheus"
)

// Prometheus is prometheus: in bellows.yaml, the settings of incoming remote write.
type Prometheus struct {
	// NamespaceLabel is the label whose value is the CloudWatch namespace of a series; default: none, all series are in the namespace Prometheus.
	NamespaceLabel string `yaml:"namespace_label"`
}

// RemoteWrite is a receiver of Prometheus remote write that every recorded datapoint is sent to.
type RemoteWrite struct {
	URL       string            `yaml:"url"`
	Headers   map[string]string `yaml:"headers"`
	BasicAuth struct {
		Username     string `yaml:"username"`
		Password     string `yaml:"password"`
		PasswordFile string `yaml:"password_file"`
	} `yaml:"basic_auth"`
}

// check returns what is wrong with the entry.
func (r *RemoteWrite) check() (wrong []error) {
	u, err := url.Parse(r.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		wrong = append(wrong, errors.New("it needs an http or https url"))
	case u.User != nil:
		wrong = append(wrong, errors.New("a user and a password belong under basic_auth, not into the url"))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		if value := r.Headers[name]; name == "" || strings.ContainsAny(name, " \t\r\n:") || strings.ContainsAny(value, "\r\n") {
			wrong = append(wrong, fmt.Errorf("%q is no header", name))
		}
		if http.CanonicalHeaderKey(name) == "Authorization" && r.BasicAuth.Username != "" {
			wrong = append(wrong, errors.New("it has both an Authorization header and basic_auth"))
		}
	}
	a := &r.BasicAuth
	if a.Username == "" && (a.Password != "" || a.PasswordFile != "") || a.Password != "" && a.PasswordFile != "" {
		wrong = append(wrong, errors.New("basic_auth needs a username, and a password or a password_file"))
	}
	return wrong
}

// Destination returns the receiver's settings for a Forwarder. It reads the file with the password.
func (r *RemoteWrite) Destination() (prometheus.Destination, error) {
	d := prometheus.Destination{URL: r.URL, Headers: r.Headers, Username: r.BasicAuth.Username, Password: r.BasicAuth.Password}
	if file := r.BasicAuth.PasswordFile; file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return d, fmt.Errorf("reading a password of remote_write: %w", err)
		}
		d.Password = strings.TrimSpace(string(text))
	}
	return d, nil
}
