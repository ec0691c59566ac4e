package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/demomodel"
	"bellows.dev/bellows/internal/server"
	"bellows.dev/bellows/internal/term"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := root(policy.Types())
	c.SilenceErrors = true
	called, err := c.ExecuteContextC(ctx)
	stop()
	complain(os.Stderr, called, err)
	os.Exit(exitCode(err))
}

// complain prints the error of a command as cobra does, but without control characters: servers and models write parts of errors.
func complain(w io.Writer, called *cobra.Command, err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(w, called.ErrPrefix(), term.CleanLines(err.Error()))
	if strings.HasPrefix(err.Error(), "unknown command ") {
		fmt.Fprintf(w, "Run '%s --help' for usage.\n", called.CommandPath())
	}
}

// usageError is a mistake on the command line.
type usageError struct{ error }

// Unwrap returns the mistake.
func (e *usageError) Unwrap() error { return e.error }

// Exit codes. docs/cli.md documents them.
const (
	exitFailed      = 1   // something failed, or doctor found something wrong
	exitUsage       = 2   // a mistake on the command line
	exitRefused     = 3   // the server refused the call
	exitNoServer    = 4   // no server answers, or it is not known
	exitNotFound    = 5   // what is named does not exist
	exitInterrupted = 130 // Ctrl-C, as shells have it
)

// exitCode returns the exit code of an error.
func exitCode(err error) int {
	var mistake *usageError
	var refused *client.Error
	var absent *client.NoServerError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &mistake), strings.HasPrefix(err.Error(), "required flag(s) "), strings.HasPrefix(err.Error(), "unknown command "),
		strings.HasPrefix(err.Error(), "if any flags in the group ["):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &absent):
		return exitNoServer
	case errors.As(err, &refused) && refused.NotFound():
		return exitNotFound
	case errors.As(err, &refused):
		return exitRefused
	default:
		return exitFailed
	}
}

// root returns the command, with the policy types that there are.
func root(types scaling.Types) *cobra.Command {
	c := &cobra.Command{
		Use:          "bellows",
		Short:        "Serve models behind SageMaker-compatible endpoints and scale them by policy",
		SilenceUsage: true,
		Version:      server.Version(),
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usageError{fmt.Errorf("%w\n%s", err, usageHint(c))} })
	c.AddCommand(
		serveCommand(types), envCommand(), keysCommand(), auditCommand(), explainCommand(types), demoCommand(), simulateCommand(types), replayCommand(types),
		endpointsCommand(), modelsCommand(), variantsCommand(), instancesCommand(), metricsCommand(), alarmsCommand(), policiesCommand(),
		schedulesCommand(), activitiesCommand(), scaleCommand(), invokeCommand(), deployCommand(), rollbackCommand(), deleteCommand(), watchCommand(),
		topCommand(), doctorCommand(), configCommand(),
		demoModelCommand(), versionCommand(c),
	)
	return c
}

// versionCommand prints what --version prints.
func versionCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, as --version does",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s version %s\n", root.Name(), root.Version)
			return err
		},
	}
}

// usageHint ends errors of the command line.
func usageHint(c *cobra.Command) string {
	return fmt.Sprintf("Run '%s --help' for usage.", c.CommandPath())
}

// arguments checks the number of a command's arguments: at least one, at most most, without a maximum where most is 0. what names them in errors.
func arguments(most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s is missing: %s\n%s", what, c.UseLine(), usageHint(c))
		case most > 0 && len(args) > most:
			return fmt.Errorf("too many arguments, from %q on: %s\n%s", args[most], c.UseLine(), usageHint(c))
		}
		return nil
	}
}

func demoModelCommand() *cobra.Command {
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
