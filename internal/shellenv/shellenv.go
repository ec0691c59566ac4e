package shellenv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"bellows.dev/bellows/internal/addrfile"
	"bellows.dev/bellows/internal/credentials"
)

// interfering are the variables that would make AWS clients use other keys, another account or another server.
var interfering = []string{
	"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CREDENTIAL_EXPIRATION", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_ACCOUNT_ID", "AWS_ENDPOINT_URL",
}

// servedVariables are the variables that set the endpoint of one service each. AWS: SDKs and tools reference, service-specific endpoints.
var servedVariables = []string{
	"AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", "AWS_ENDPOINT_URL_AUTO_SCALING",
	"AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM",
}

// Options are what the environment is made of.
type Options struct {
	Dir        string        // data directory of the server
	OnlyServed bool          // set the endpoints of the services that are served and nothing else: no credentials, no region
	Wait       time.Duration // how long to wait for the server
}

// Text waits until the server of a data directory answers, and returns what a shell has to evaluate so that AWS clients use it.
func Text(ctx context.Context, o Options) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Wait)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	var reason error // of the last attempt that the deadline did not cut off
	for {
		key, at, err := look(ctx, o.Dir)
		if err == nil {
			return settings(key, at, o.OnlyServed), nil
		}
		if ctx.Err() == nil || reason == nil {
			reason = err
		}
		if ctx.Err() == nil && !errors.Is(err, errNotYet) {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%w. Is `bellows serve --data-dir %s` running? Its log says more. --data-dir names the data directory of a server elsewhere", reason, Quoted(o.Dir))
		case <-again.C:
		}
	}
}

// errNotYet is the error of a server that does not answer, and may still be starting.
var errNotYet = errors.New("no server answers")

// look returns the address and the region of the server of a data directory, and its key. It fails with errNotYet where the server may still be
// starting.
func look(ctx context.Context, dir string) (key credentials.Key, at addrfile.Endpoint, err error) {
	key, err = credentials.Own(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return key, at, fmt.Errorf("%w: %s is no data directory of a server", errNotYet, dir)
	}
	if err != nil {
		return key, at, err
	}
	at, found, err := addrfile.Find(dir)
	if err != nil {
		return key, at, err
	}
	if !found {
		return key, at, fmt.Errorf("%w: the server of %s has not written its address", errNotYet, dir)
	}
	if err := answers(ctx, at, key); err != nil {
		return key, at, fmt.Errorf("%w at %s: %w", errNotYet, at.Host(), err)
	}
	return key, at, nil
}

// answers fails unless a server that knows the key answers at an address.
func answers(ctx context.Context, at addrfile.Endpoint, k credentials.Key) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL()+"/", nil)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(nil)
	who := aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}
	if err := v4.NewSigner().SignHTTP(ctx, who, r, hex.EncodeToString(sum[:]), "sagemaker", at.Region, time.Now()); err != nil {
		return err
	}
	transport := at.Transport()
	defer transport.CloseIdleConnections()
	client := http.Client{Timeout: 5 * time.Second, Transport: transport}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	if err := answer.Body.Close(); err != nil {
		return err
	}
	if answer.StatusCode == http.StatusUnauthorized {
		return errors.New("the server there does not take this key: it is another data directory's")
	}
	return nil
}

// settings returns the text that points AWS clients at the server of an address. With onlyServed, credentials and region stay as they are: other
// services need those of AWS, and the SDKs have no credentials by service.
func settings(k credentials.Key, at addrfile.Endpoint, onlyServed bool) string {
	var b strings.Builder
	url, region := Quoted(at.URL()), at.Region
	b.WriteString(withoutProxy(at.Host()))
	b.WriteString(trust(at.CAFile, onlyServed))
	if onlyServed {
		fmt.Fprintf(&b, "unset AWS_ENDPOINT_URL AWS_IGNORE_CONFIGURED_ENDPOINT_URLS\n")
		for _, name := range servedVariables {
			fmt.Fprintf(&b, "export %s=%s\n", name, url)
		}
		return b.String()
	}
	fmt.Fprintf(&b, "unset %s\n", strings.Join(append(interfering[:len(interfering):len(interfering)], servedVariables...), " "))
	fmt.Fprintf(&b, "export AWS_ENDPOINT_URL=%s\n", url)
	fmt.Fprintf(&b, "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nexport AWS_DEFAULT_REGION=%s\nexport AWS_REGION=%s\n",
		Quoted(k.AccessKeyID), Quoted(k.SecretAccessKey), Quoted(region), Quoted(region))
	return b.String()
}

// bundles are the files in which systems keep the certificates of public authorities, of which the first that is there counts.
var bundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}

// trust returns the text that makes AWS clients trust the server's own authority; nothing where it has none. Where they call AWS too, they have to
// trust public authorities as well: AWS_CA_BUNDLE replaces the system's, so both are written into a file beside the authority's.
func trust(caFile string, others bool) string {
	if caFile == "" {
		return ""
	}
	bundle := caFile
	if others {
		bundle = withPublic(caFile)
	}
	return fmt.Sprintf("export AWS_CA_BUNDLE=%s\nexport NODE_EXTRA_CA_CERTS=%s\n", Quoted(bundle), Quoted(caFile))
}

// withPublic writes an authority's certificate and those of public authorities into a file, and returns its name; the authority's own file where it
// cannot.
func withPublic(caFile string) string {
	own, err := os.ReadFile(caFile)
	if err != nil {
		return caFile
	}
	both, all := filepath.Join(filepath.Dir(caFile), "bundle.pem"), bundles
	if set := os.Getenv("AWS_CA_BUNDLE"); set != "" && filepath.Dir(set) != filepath.Dir(both) {
		all = append([]string{set}, bundles...) // what the shell has chosen itself
	}
	for _, name := range all {
		public, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if err := os.WriteFile(both, append(append(public, '\n'), own...), 0o600); err == nil {
			return both
		}
	}
	return caFile
}

// withoutProxy returns the text that adds the host of an address to NO_PROXY and no_proxy, unless they have it or are "*". Where only one of the two
// is set, the other gets its hosts too: some programs read only one, and others prefer one.
func withoutProxy(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]," + host // programs differ in how they write IPv6 addresses
	}
	host = Quoted(host)
	var b strings.Builder
	for _, names := range [][2]string{{"NO_PROXY", "no_proxy"}, {"no_proxy", "NO_PROXY"}} {
		fmt.Fprintf(&b, "export %[1]s=\"${%[1]s:-${%[2]s-}}\"\n", names[0], names[1])
		fmt.Fprintf(&b, "case \",$%[1]s,\" in ',*,'|*,%[2]s,*) ;; *) %[1]s=\"${%[1]s:+$%[1]s,}\"%[2]s ;; esac\n", names[0], host)
	}
	return b.String()
}

// Failure returns what a shell has to evaluate where Text fails: AWS clients then have keys and a server that do not exist, and the last command
// fails. The status of eval is that of what it evaluates, not of the command that printed it.
func Failure() string {
	var b strings.Builder
	fmt.Fprintf(&b, "unset %s\n", strings.Join(append(interfering[:len(interfering):len(interfering)], servedVariables...), " "))
	const nowhere = "127.0.0.1:9" // the discard port
	b.WriteString(withoutProxy(nowhere))
	fmt.Fprintf(&b, "export AWS_ENDPOINT_URL=http://%s\nexport AWS_ACCESS_KEY_ID=bellows-env-failed\nexport AWS_SECRET_ACCESS_KEY=bellows-env-failed\n", nowhere)
	b.WriteString("false\n")
	return b.String()
}

// Quoted returns a text as one word of a shell, in quotes where it needs them.
func Quoted(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:+=@%,"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
