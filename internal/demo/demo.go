package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/config"
	"bellows.dev/bellows/internal/console"
	"bellows.dev/bellows/internal/credentials"
	"bellows.dev/bellows/internal/server"
)

// unwatchedMax is how long a demo may take that is not shown on a terminal.
const unwatchedMax = 5 * time.Minute

// Options are how the demo runs. All are required.
type Options struct {
	Listen   string  // address and port; port 0 takes a free one
	Speed    float64 // seconds of policy time that pass in a second
	Out      io.Writer
	Terminal bool // Out is a terminal: the demo draws a screen, and stays until the context ends

	// Size returns the terminal's columns and lines; nil, or 0: 80 and 24.
	Size func() (columns, lines int)
}

// Run starts a server with a temporary data directory and plays the demo against it. The end of ctx is how a user ends it, and no error. Run fails
// where a call or a request fails, or where capacity did not follow the load.
func Run(ctx context.Context, o Options) (err error) {
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
	v := newView(o)
	c := config.Default()
	c.DrainTimeout = config.Duration(10 * time.Second)
	s, err := server.New(ctx, server.Options{
		Dir: dir, Listen: o.Listen, Speed: o.Speed, Config: c, Log: slog.New(slog.NewTextHandler(logFile, nil)), OnEvent: v.event,
	})
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(serving, false) }()
	key, _ := s.Key()
	d := &demonstration{
		server: s, view: v, speed: o.Speed, scope: engine.Scope{Account: c.Account, Region: c.Region},
		clients: newClients("http://"+s.Address(), key, c.Region),
	}
	v.place("http://"+s.Address()+console.Path, key)
	playing := ctx
	if !v.terminal {
		var cancel context.CancelFunc
		playing, cancel = context.WithTimeout(playing, unwatchedMax)
		defer cancel()
	}
	err = d.play(playing)
	if v.terminal && err == nil {
		v.note("Done. Ctrl-C ends the demo.")
		v.hold(ctx)
	}
	stop()
	err = errors.Join(err, <-ended)
	v.close()
	if ctx.Err() != nil {
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
