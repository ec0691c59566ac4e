package target

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
)

// Binary is a built bellows.
type Binary struct{ dir, path string }

// Build builds the binary of this source tree into a temporary folder. It must run within the module of the benchmarks.
func Build(ctx context.Context) (*Binary, error) {
	dir, err := os.MkdirTemp("", "bellows-bench-")
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	b := &Binary{dir, filepath.Join(dir, "bellows")}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "bellows.dev/bellows").Output()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("looking for the module's folder: %w", err), b.Remove())
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", b.path, "./cmd/bellows")
	build.Dir = strings.TrimSpace(string(root)) // with the versions in its own go.mod
	if out, err := build.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("building bellows: %w\n%s", err, out), b.Remove())
	}
	return b, nil
}

// Remove removes the binary and its servers' data.
func (b *Binary) Remove() error { return os.RemoveAll(b.dir) }

// Server is a running server.
type Server struct {
	cmd    *exec.Cmd
	URL    string
	Config aws.Config
}

// Start starts a server with a data directory of the given name on a listen address and waits until it is ready.
func (b *Binary) Start(ctx context.Context, name, listen string, flags ...string) (*Server, error) {
	dir := filepath.Join(b.dir, name)
	cmd := exec.CommandContext(ctx, b.path, append([]string{"serve", "--data-dir", dir, "--listen", listen}, flags...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("starting a server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a server: %w", err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "msg=ready") {
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // it ends with the server
	s := &Server{cmd: cmd}
	return s, s.connect(ctx, b.path, dir)
}

// connect reads the server's URL and credentials from bellows env.
func (s *Server) connect(ctx context.Context, binary, dir string) error {
	text, err := exec.CommandContext(ctx, binary, "env", "--data-dir", dir).Output()
	if err != nil {
		return fmt.Errorf("reading the environment: %w", err)
	}
	env := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		k, v, _ := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		env[k] = v
	}
	s.URL = env["AWS_ENDPOINT_URL"]
	s.Config = aws.Config{
		Region: env["AWS_DEFAULT_REGION"], BaseEndpoint: aws.String(s.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: env["AWS_ACCESS_KEY_ID"], SecretAccessKey: env["AWS_SECRET_ACCESS_KEY"]}, nil
		}),
	}
	return nil
}

// PID is the server's process ID.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Stop stops the server and waits until it has stopped its instances.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping a server: %w", err)
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("stopping a server: %w", err)
	}
	return nil
}

// Deploy creates an endpoint with one variant, AllTraffic, of the demo model with an environment and waits until it is in service.
func (s *Server) Deploy(ctx context.Context, name string, count int32, env map[string]string) error {
	return s.DeployImage(ctx, name, "bellows/demo-model", count, env)
}

// DeployImage is Deploy with an image that the server's configuration maps to a command.
func (s *Server) DeployImage(ctx context.Context, name, image string, count int32, env map[string]string) error {
	c := sagemaker.NewFromConfig(s.Config)
	if _, err := c.CreateModel(ctx, &sagemaker.CreateModelInput{
		ModelName: aws.String(name), PrimaryContainer: &types.ContainerDefinition{Image: aws.String(image), Environment: env},
	}); err != nil {
		return err
	}
	if _, err := c.CreateEndpointConfig(ctx, &sagemaker.CreateEndpointConfigInput{
		EndpointConfigName: aws.String(name), ProductionVariants: []types.ProductionVariant{{
			VariantName: aws.String("AllTraffic"), ModelName: aws.String(name), InitialInstanceCount: aws.Int32(count),
			InstanceType: types.ProductionVariantInstanceTypeMlM5Large,
		}},
	}); err != nil {
		return err
	}
	if _, err := c.CreateEndpoint(ctx, &sagemaker.CreateEndpointInput{EndpointName: aws.String(name), EndpointConfigName: aws.String(name)}); err != nil {
		return err
	}
	return s.Settled(ctx, name, count)
}

// Scale sets the desired instance count and waits until that many instances are in service.
func (s *Server) Scale(ctx context.Context, name string, count int32) error {
	if _, err := sagemaker.NewFromConfig(s.Config).UpdateEndpointWeightsAndCapacities(ctx, &sagemaker.UpdateEndpointWeightsAndCapacitiesInput{
		EndpointName:                aws.String(name),
		DesiredWeightsAndCapacities: []types.DesiredWeightAndCapacity{{VariantName: aws.String("AllTraffic"), DesiredInstanceCount: aws.Int32(count)}},
	}); err != nil {
		return err
	}
	return s.Settled(ctx, name, count)
}

// Settled waits until an endpoint is in service with count instances.
func (s *Server) Settled(ctx context.Context, name string, count int32) error {
	c := sagemaker.NewFromConfig(s.Config)
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		out, err := c.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: aws.String(name)})
		if err != nil {
			return err
		}
		if out.EndpointStatus == types.EndpointStatusInService && *out.ProductionVariants[0].CurrentInstanceCount == count {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
