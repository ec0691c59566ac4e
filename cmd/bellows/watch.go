package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func watchCommand() *cobra.Command {
	return &cobra.Command{
		Use: "watch COMMAND…", Short: "Run a command that lists something with --watch",
		Long:               "The same as COMMAND --watch: it prints again every " + watchEvery.String() + " until Ctrl-C. `bellows top` is the live view of all variants.",
		Example:            "  bellows watch activities iris\n  bellows watch alarms --state ALARM",
		DisableFlagParsing: true,
		ValidArgsFunction:  cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{fmt.Errorf("COMMAND is missing: %s\n%s", c.UseLine(), usageHint(c))}
			}
			if args[0] == "-h" || args[0] == "--help" {
				return c.Help()
			}
			found, _, err := c.Root().Find(args)
			if err != nil {
				return &usageError{err}
			}
			if found == c || found.Flags().Lookup("watch") == nil {
				return &usageError{errors.New("`bellows " + args[0] + "` cannot be watched\n" + usageHint(c))}
			}
			c.Root().SetArgs(append(args, "--watch"))
			return c.Root().ExecuteContext(c.Context())
		},
	}
}
