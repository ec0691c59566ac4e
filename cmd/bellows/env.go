package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/store"
)

// addressFile holds where the server of a data directory listens, and the region it was told.
const addressFile = "address"

func env() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "env",
		Short: "Print the environment that points AWS clients at a server: eval \"$(bellows env)\"",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, _, err := store.LoadCredentials(dir, nil)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is no data directory of a server: start `bellows serve --data-dir %s` first", dir, dir)
			}
			if err != nil {
				return err
			}
			address, region := whereabouts(dir)
			_, err = fmt.Fprint(cmd.OutOrStdout(), environment(keys[0], "http://"+address, region))
			return err
		},
	}
	c.Flags().StringVar(&dir, "data-dir", defaultDataDir, "data directory of the server")
	return c
}

// whereabouts returns where the server of a data directory listens, or listened last, and its region.
func whereabouts(dir string) (address, region string) {
	if text, err := os.ReadFile(filepath.Join(dir, addressFile)); err == nil {
		if f := strings.Fields(string(text)); len(f) == 2 {
			return f[0], f[1]
		}
	}
	return defaultListen, defaults().Region
}

func environment(k store.Credential, url, region string) string {
	return fmt.Sprintf("export AWS_ENDPOINT_URL=%s\nexport AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nexport AWS_DEFAULT_REGION=%s\nexport AWS_REGION=%s\n",
		url, k.AccessKeyID, k.SecretAccessKey, region, region)
}
