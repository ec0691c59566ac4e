package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bellows.dev/bellows/internal/credentials"
)

func demo() *cobra.Command {
	var speed float64
	var listen string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch a real endpoint scale out and in under a load that rises and falls",
		Long: "Starts a server with a temporary data directory, deploys the built-in model behind an endpoint through the AWS SDK,\n" +
			"attaches the policies of the SageMaker notebook \"Autoscale SageMaker endpoints\", and sends traffic. Instances are\n" +
			"real processes; the policy clock runs faster than the wall's, so that minutes pass in seconds. On a terminal it\n" +
			"stays until Ctrl-C; elsewhere it prints lines, and fails unless capacity really went out and came in.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, listen, speed) },
	}
	c.Flags().Float64Var(&speed, "clock-speed", 30, "how many seconds of policy time pass in a second")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address and port; port 0 takes a free one")
	return c
}

// demoMost is how long a demo that nobody watches may take.
const demoMost = 5 * time.Minute

func runDemo(cmd *cobra.Command, listen string, speed float64) (err error) {
	if err := validClockSpeed(speed); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bellows-demo-")
	if err != nil {
		return fmt.Errorf("making a data directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	logFile, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return fmt.Errorf("making the server's log: %w", err)
	}
	defer logFile.Close() //nolint:errcheck // its directory is removed
	v := newView(cmd.OutOrStdout(), term.IsTerminal(int(os.Stdout.Fd())))
	o := serverOptions{
		dir: dir, listen: listen, speed: speed, config: defaults(), log: slog.New(slog.NewTextHandler(logFile, nil)), onEvent: v.event,
	}
	o.config.DrainTimeout = duration(10 * time.Second)
	s, err := newServer(cmd.Context(), o)
	if err != nil {
		return err
	}
	watched, unwatch := signal.NotifyContext(cmd.Context(), syscall.SIGHUP) // a demo ends with its terminal
	defer unwatch()
	cmd.SetContext(watched)
	serving, stop := context.WithCancel(context.WithoutCancel(cmd.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.run(serving, false) }()
	d := &demonstration{server: s, view: v, speed: speed, clients: newClients("http://"+s.address(), s.keys[0], o.config.Region)}
	playing := cmd.Context()
	if !v.terminal {
		var cancel context.CancelFunc
		playing, cancel = context.WithTimeout(playing, demoMost)
		defer cancel()
	}
	err = d.play(playing)
	if v.terminal && err == nil {
		v.note("Done. Ctrl-C ends the demo.")
		v.hold(cmd.Context())
	}
	stop()
	err = errors.Join(err, <-ended)
	v.close()
	if cmd.Context().Err() != nil { // Ctrl-C is how a watcher leaves
		return nil
	}
	return err
}

// clients are the AWS SDK's own, pointed at the server.
type clients struct {
	sagemaker  *sagemaker.Client
	runtime    *sagemakerruntime.Client
	scaling    *applicationautoscaling.Client
	cloudwatch *cloudwatch.Client
}

func newClients(url string, k credentials.Key, region string) clients {
	c := aws.Config{
		Region: region, BaseEndpoint: aws.String(url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey}, nil
		}),
	}
	return clients{
		sagemaker.NewFromConfig(c), sagemakerruntime.NewFromConfig(c), applicationautoscaling.NewFromConfig(c), cloudwatch.NewFromConfig(c),
	}
}
