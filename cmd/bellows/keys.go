package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/plainjson"
)

// keysFlags are the flags that the commands below keys have in common.
type keysFlags struct {
	dir  string
	json bool
}

func keysCommand() *cobra.Command {
	var f keysFlags
	c := &cobra.Command{
		Use:   "keys",
		Short: "Make, list, expire and revoke access keys",
		Long: "Makes, lists, expires and revokes the access keys of a data directory, through its running server. Changes take effect at once:\n" +
			"requests with a key that was revoked or has expired are refused, and its sessions of the console end.",
		Args: cobra.NoArgs,
	}
	flags := c.PersistentFlags()
	flags.StringVar(&f.dir, "data-dir", defaultDataDir, "data directory of the server")
	flags.BoolVar(&f.json, "json", false, "JSON")
	c.AddCommand(f.create(), f.list(), f.expire(), f.revoke())
	return c
}

func (f *keysFlags) create() *cobra.Command {
	var k client.Key
	var expires string
	c := &cobra.Command{
		Use:   "create",
		Short: "Make an access key and print it, with its secret, which is never shown again",
		Example: "  bellows keys create --user ann\n" +
			"  bellows keys create --user dashboard --read-only --expires 2160h",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if k.Expires, err = expiry(expires); err != nil {
				return err
			}
			server, err := client.Open(cmd.Context(), client.Options{Dir: f.dir})
			if err != nil {
				return err
			}
			made, err := server.CreateKey(cmd.Context(), k)
			if err != nil {
				return err
			}
			if f.json {
				return plainjson.Write(cmd.OutOrStdout(), made)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n", made.AccessKeyID, made.SecretAccessKey)
			return err
		},
	}
	c.Flags().StringVar(&k.User, "user", "", "name of the user, 1 to 64 letters, digits and characters of +=,.@_-")
	c.Flags().StringVar(&k.Account, "account", "", "account of twelve digits; default: the administrator's")
	c.Flags().BoolVar(&k.ReadOnly, "read-only", false, "the key sees everything and changes nothing")
	c.Flags().StringVar(&expires, "expires", "never", "a duration from now, such as 24h, a time, such as 2026-12-31T18:00:00Z, or never")
	required(c, "user")
	return c
}

func (f *keysFlags) list() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the access keys, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := client.Open(cmd.Context(), client.Options{Dir: f.dir})
			if err != nil {
				return err
			}
			all, err := server.Keys(cmd.Context())
			if err != nil {
				return err
			}
			if f.json {
				return plainjson.Write(cmd.OutOrStdout(), all)
			}
			return client.RenderKeys(cmd.OutOrStdout(), all)
		},
	}
}

func (f *keysFlags) expire() *cobra.Command {
	var expires string
	c := &cobra.Command{
		Use:     "expire ACCESS-KEY-ID",
		Short:   "Make an access key expire: now, or at a time",
		Example: "  bellows keys expire AKIA… --expires 24h",
		Args:    arguments(1, "ACCESS-KEY-ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := expiry(expires)
			if err != nil {
				return err
			}
			server, err := client.Open(cmd.Context(), client.Options{Dir: f.dir})
			if err != nil {
				return err
			}
			changed, err := server.ExpireKey(cmd.Context(), args[0], at)
			if err != nil {
				return err
			}
			if f.json {
				return plainjson.Write(cmd.OutOrStdout(), changed)
			}
			return client.RenderKeys(cmd.OutOrStdout(), []client.Key{changed})
		},
	}
	c.Flags().StringVar(&expires, "expires", "now", "now, a duration from now, such as 24h, a time, such as 2026-12-31T18:00:00Z, or never")
	return c
}

func (f *keysFlags) revoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ACCESS-KEY-ID",
		Short: "Remove an access key",
		Args:  arguments(1, "ACCESS-KEY-ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := client.Open(cmd.Context(), client.Options{Dir: f.dir})
			if err != nil {
				return err
			}
			return server.RevokeKey(cmd.Context(), args[0])
		},
	}
}

// expiry parses a flag: now, never (the zero time), a duration from now, or a time in RFC 3339.
func expiry(text string) (time.Time, error) {
	now := time.Now().UTC().Truncate(time.Second)
	switch text {
	case "never":
		return time.Time{}, nil
	case "now":
		return now, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), nil
	}
	return time.Time{}, &usageError{fmt.Errorf("--expires is %q: want a duration such as 24h, a time such as 2026-12-31T18:00:00Z, or never", text)}
}
