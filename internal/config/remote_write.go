package config

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
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

func (r *RemoteWrite) check() error {
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("it needs an http or https url")
	}
	if u.User != nil {
		return errors.New("a user and a password belong under basic_auth, not into the url")
	}
	for name, value := range r.Headers {
		if name == "" || strings.ContainsAny(name, " \t\r\n:") || strings.ContainsAny(value, "\r\n") {
			return fmt.Errorf("%q is no header", name)
		}
		if http.CanonicalHeaderKey(name) == "Authorization" && r.BasicAuth.Username != "" {
			return errors.New("it has both an Authorization header and basic_auth")
		}
	}
	a := &r.BasicAuth
	if a.Username == "" && (a.Password != "" || a.PasswordFile != "") || a.Password != "" && a.PasswordFile != "" {
		return errors.New("basic_auth needs a username, and a password or a password_file")
	}
	return nil
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
