package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/shellenv"
)

func envCommand() *cobra.Command {
	var o shellenv.Options
	c := &cobra.Command{
		Use:   "env",
		Short: "Print the environment that points AWS clients at a server: eval \"$(bellows env)\"",
		Long: "Waits until the server of a data directory answers, then prints what points AWS clients at it and unsets what would interfere.\n" +
			"AWS_ENDPOINT_URL holds for every service, so nothing reaches AWS by accident; services that are not served are refused.\n" +
			"--only-served sets the endpoints of the services that are served instead, and leaves the other services, the credentials and the region\n" +
			"as they are. The server must then know the credentials: add them to credentials.json of the data directory and send SIGHUP, or use serve --auth none.\n\n" +
			"Where no server answers, env fails, and what it prints makes AWS clients fail too, instead of leaving them with AWS.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := shellenv.Text(cmd.Context(), o)
			if err != nil {
				text, err = shellenv.Failure(), fmt.Errorf("%w. AWS clients of a shell that evaluates this output reach nothing", err)
			}
			_, printed := io.WriteString(cmd.OutOrStdout(), text)
			return errors.Join(err, printed)
		},
	}
	c.Flags().StringVar(&o.Dir, "data-dir", defaultDataDir, "data directory of the server")
	c.Flags().BoolVar(&o.OnlyServed, "only-served", false, "set only the endpoints of the services that are served; credentials stay as they are")
	c.Flags().DurationVar(&o.Wait, "wait", 15*time.Second, "how long to wait for the server")
	return c
}
