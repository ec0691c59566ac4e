package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/demomodel"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	if err != nil {
		os.Exit(1)
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:          "bellows",
		Short:        "Serve models behind SageMaker-compatible endpoints and scale them by policy",
		SilenceUsage: true,
		Version:      version(),
	}
	c.AddCommand(serve(), env(), explainCommand(), demo(), simulate(), replay(), demoModel())
	return c
}

func demoModel() *cobra.Command {
	return &cobra.Command{
		Use:   "demo-model",
		Short: "Serve the built-in iris model by SageMaker's container contract",
		Long: "Answers GET /ping and POST /invocations on 127.0.0.1, port SAGEMAKER_BIND_TO_PORT (8080 if unset).\n" +
			"Rows of four measurements in centimetres as text/csv, or {\"instances\": [[…]]} as application/json,\n" +
			"come back as species of iris. BELLOWS_DEMO_LATENCY_MS, _CPU_MS and _START_DELAY_MS make it slower.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demomodel.Serve(cmd.Context(), os.Getenv, cmd.ErrOrStderr())
		},
	}
}
