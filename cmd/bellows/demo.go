package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bellows.dev/bellows/internal/demo"
)

func demoCommand() *cobra.Command {
	var o demo.Options
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch a real endpoint scale out and in under a load that rises and falls",
		Long: "Starts a server with a temporary data directory, deploys the built-in model behind an endpoint through the AWS SDK,\n" +
			"attaches the policies of the SageMaker notebook \"Autoscale SageMaker endpoints\", and sends traffic. Instances are\n" +
			"real processes; the policy clock runs faster than the wall's, so that minutes pass in seconds. On a terminal it\n" +
			"stays until Ctrl-C; elsewhere it prints lines, and fails unless capacity really went out and came in.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := validClockSpeed(o.Speed); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP) // a demo ends with its terminal
			defer stop()
			o.Out, o.Terminal = cmd.OutOrStdout(), term.IsTerminal(int(os.Stdout.Fd()))
			o.Size = func() (columns, lines int) {
				columns, lines, _ = term.GetSize(int(os.Stdout.Fd())) // 0 where it is not known
				return columns, lines
			}
			return demo.Run(ctx, o)
		},
	}
	c.Flags().Float64Var(&o.Speed, "clock-speed", 30, "how many seconds of policy time pass in a second")
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:0", "address and port; port 0 takes a free one")
	return c
}
