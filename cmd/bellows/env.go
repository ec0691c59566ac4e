package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/credentials"
)

// addressFile holds where the server of a data directory listens, and its region.
const addressFile = "address"

// interfering are variables that would let AWS clients use other keys, another account or another server than those that env prints.
var interfering = []string{
	"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CREDENTIAL_EXPIRATION", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_ACCOUNT_ID", "AWS_ENDPOINT_URL",
}

// servedVariables are the variables that name the server for one service each. AWS: SDKs and tools reference, service-specific endpoints.
var servedVariables = []string{
	"AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", "AWS_ENDPOINT_URL_AUTO_SCALING",
	"AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM",
}

// envFlags are the flags of env.
type envFlags struct {
	dir        string
	onlyServed bool
	wait       time.Duration
}

func env() *cobra.Command {
	var f envFlags
	c := &cobra.Command{
		Use:   "env",
		Short: "Print the environment that points AWS clients at a server: eval \"$(bellows env)\"",
		Long: "Waits until the server of a data directory answers, then prints what points AWS clients at it and unsets what would interfere.\n" +
			"AWS_ENDPOINT_URL holds for every service, so nothing reaches AWS by accident; services that are not served are refused.\n" +
			"--only-served sets the variables of the services that are served instead, and leaves the others with AWS.\n\n" +
			"Where no server answers, env fails, and what it prints makes AWS clients fail too, instead of leaving them with AWS.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := f.environment(cmd.Context())
			if err != nil {
				// The status of eval is that of what it evaluates, not of env: the text has to fail as well. Why, is said once, on standard error.
				_, printed := io.WriteString(cmd.OutOrStdout(), failure())
				return errors.Join(fmt.Errorf("%w. AWS clients of a shell that evaluates this output reach nothing", err), printed)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
	c.Flags().StringVar(&f.dir, "data-dir", defaultDataDir, "data directory of the server")
	c.Flags().BoolVar(&f.onlyServed, "only-served", false, "set the endpoints of the services that are served, and no other")
	c.Flags().DurationVar(&f.wait, "wait", 15*time.Second, "how long to wait for the server")
	return c
}

// environment waits for the server and returns what a shell is to evaluate.
func (f *envFlags) environment(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, f.wait)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	var reason error // of the last attempt that the time did not cut off
	for {
		key, address, region, err := f.look(ctx)
		if err == nil {
			return settings(key, "http://"+address, region, f.onlyServed), nil
		}
		if ctx.Err() == nil || reason == nil {
			reason = err
		}
		if ctx.Err() == nil && !errors.Is(err, errNotYet) {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%w. Is `bellows serve --data-dir %s` running? Its log says more", reason, f.dir)
		case <-again.C:
		}
	}
}

// errNotYet says that a server may still be starting.
var errNotYet = errors.New("no server answers")

// look finds the server and its key.
func (f *envFlags) look(ctx context.Context) (key credentials.Key, address, region string, err error) {
	keys, _, err := credentials.Load(f.dir, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return key, "", "", fmt.Errorf("%w: %s is no data directory of a server", errNotYet, f.dir)
	}
	if err != nil {
		return key, "", "", err
	}
	address, region, found := whereabouts(f.dir)
	if !found {
		return key, "", "", fmt.Errorf("%w: the server of %s has not said where it listens", errNotYet, f.dir)
	}
	if address, err = reachable(address); err != nil {
		return key, "", "", err
	}
	if err := answers(ctx, address, region, keys[0]); err != nil {
		return key, "", "", fmt.Errorf("%w at %s: %w", errNotYet, address, err)
	}
	return keys[0], address, region, nil
}

// reachable is the address at which clients on this machine reach a server that listens on all of its addresses.
func reachable(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("reading where the server listens: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// answers fails unless a server that knows the key answers at an address.
func answers(ctx context.Context, address, region string, k credentials.Key) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(nil)
	who := aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}
	if err := v4.NewSigner().SignHTTP(ctx, who, r, hex.EncodeToString(sum[:]), "sagemaker", region, time.Now()); err != nil {
		return err
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}} // without a proxy
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

// whereabouts returns where the server of a data directory listens, or listened last, and its region; found is false where it has not said.
func whereabouts(dir string) (address, region string, found bool) {
	if text, err := os.ReadFile(filepath.Join(dir, addressFile)); err == nil {
		if f := strings.Fields(string(text)); len(f) == 2 {
			return f[0], f[1], true
		}
	}
	return defaultListen, defaults().Region, false
}

// settings is what points AWS clients at a server.
func settings(k credentials.Key, url, region string, onlyServed bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "unset %s\n", strings.Join(append(interfering[:len(interfering):len(interfering)], servedVariables...), " "))
	endpoints := []string{"AWS_ENDPOINT_URL"}
	if onlyServed {
		endpoints = servedVariables
	}
	for _, name := range endpoints {
		fmt.Fprintf(&b, "export %s=%s\n", name, quoted(url))
	}
	fmt.Fprintf(&b, "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nexport AWS_DEFAULT_REGION=%s\nexport AWS_REGION=%s\n",
		quoted(k.AccessKeyID), quoted(k.SecretAccessKey), quoted(region), quoted(region))
	return b.String()
}

// failure is what a shell is to evaluate where no server was found: AWS clients then have no keys and a server that is none, and the last
// command of eval fails.
func failure() string {
	var b strings.Builder
	fmt.Fprintf(&b, "unset %s\n", strings.Join(append(interfering[:len(interfering):len(interfering)], servedVariables...), " "))
	const nowhere = "http://127.0.0.1:9" // the discard port
	fmt.Fprintf(&b, "export AWS_ENDPOINT_URL=%s\nexport AWS_ACCESS_KEY_ID=bellows-env-failed\nexport AWS_SECRET_ACCESS_KEY=bellows-env-failed\n", nowhere)
	b.WriteString("false\n")
	return b.String()
}

// quoted is a text as one word of a shell; it stays as it is where it needs no quotes.
func quoted(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:+=@%,"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
