package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/shirou/gopsutil/v4/process"
	"golang.org/x/sync/errgroup"

	"bellows.dev/bellows/bench/figure"
	"bellows.dev/bellows/bench/target"
	"bellows.dev/bellows/internal/awsapi/wire"
)

const (
	batch   = 1000 // points in a request: as many as PutMetricData takes
	clients = 4
	load    = 6 * time.Second
)

// call is a prepared request, which can be sent repeatedly.
type call struct {
	url    string
	header http.Header
	body   []byte
}

func (c *call) send(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	req.Header = c.header
	return http.DefaultClient.Do(req)
}

// do sends the call, reads the whole response and returns its length.
func (c *call) do(ctx context.Context) (int64, error) {
	resp, err := c.send(ctx)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // the status is the error
		return 0, fmt.Errorf("%s: %s", resp.Status, text)
	}
	return io.Copy(io.Discard, resp.Body)
}

// signed prepares a CloudWatch call in CBOR, as the SDK for Go sends it.
func signed(ctx context.Context, s *target.Server, operation string, in any) (*call, error) {
	c := &call{url: s.URL + "/service/GraniteServiceVersion20100801/operation/" + operation, body: wire.EncodeCBOR(in)}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/cbor")
	req.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
	credentials, err := s.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(c.body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "monitoring", s.Config.Region, time.Now()); err != nil {
		return nil, err
	}
	c.header = req.Header
	return c, nil
}

// measureHTTP measures a server on one core, then Prometheus' remote write on one core.
func measureHTTP(ctx context.Context) ([]figure.Figure, error) {
	b, err := target.Build(ctx)
	if err != nil {
		return nil, err
	}
	defer b.Remove() //nolint:errcheck // a temporary folder
	if err := os.Setenv("GOMAXPROCS", "1"); err != nil {
		return nil, err
	}
	s, err := b.Start(ctx, "cloudwatch", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	out, err := loadServer(ctx, s)
	if stopped := s.Stop(); err == nil {
		err = stopped
	}
	if err != nil {
		return nil, err
	}
	peer, err := loadPeer(ctx)
	if err != nil {
		return nil, err
	}
	read, err := measureReading(ctx, b)
	return append(append(out, peer...), read...), err
}

func loadServer(ctx context.Context, s *target.Server) ([]figure.Figure, error) {
	now := time.Now()
	in := &sdk.PutMetricDataInput{Namespace: aws.String("Bench")}
	for i := range batch {
		in.MetricData = append(in.MetricData, types.MetricDatum{
			MetricName: aws.String("Requests"), Dimensions: []types.Dimension{{Name: aws.String("Host"), Value: aws.String(fmt.Sprint("host-", i))}},
			Timestamp: aws.Time(now), Value: aws.Float64(float64(i) + 0.5), Unit: types.StandardUnitCount,
		})
	}
	put, err := signed(ctx, s, "PutMetricData", in)
	if err != nil {
		return nil, err
	}
	wall, cpu, err := pointRate(ctx, s.PID(), func(int, int) *call { return put })
	if err != nil {
		return nil, err
	}
	return []figure.Figure{
		figure.AtLeast("PutMetricData over HTTP, 1,000 datums a call, per second of one core", cpu, "datapoints/s", 150_000),
		{Name: "  by wall clock", Value: wall, Unit: "datapoints/s"},
	}, nil
}

// pointRate sends calls from several clients and returns the accepted points per second of wall clock time, and per second of the server's
// CPU time.
func pointRate(ctx context.Context, pid int, next func(client, i int) *call) (wall, cpu float64, err error) {
	p, err := process.NewProcessWithContext(ctx, int32(pid))
	if err != nil {
		return 0, 0, err
	}
	const warm = 5
	for i := range warm {
		if _, err := next(0, i).do(ctx); err != nil {
			return 0, 0, err
		}
	}
	var sent atomic.Int64
	before, err := p.TimesWithContext(ctx)
	if err != nil {
		return 0, 0, err
	}
	started := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for client := range clients {
		g.Go(func() error {
			for i := warm; time.Since(started) < load; i++ {
				if _, err := next(client, i).do(ctx); err != nil {
					return err
				}
				sent.Add(1)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return 0, 0, err
	}
	took := time.Since(started).Seconds()
	after, err := p.TimesWithContext(context.WithoutCancel(ctx))
	if err != nil {
		return 0, 0, err
	}
	points := float64(batch * sent.Load())
	return points / took, points / (after.User + after.System - before.User - before.System), nil
}

// loadPeer sends as many points to Prometheus' remote write: a thousand series for each client.
func loadPeer(ctx context.Context) ([]figure.Figure, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bellows-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), asPeer+"="+address, peerFolder+"="+dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = cmd.Process.Kill() // it has no state to save
		_ = cmd.Wait()
	}()
	if err := answers(ctx, "http://"+address); err != nil {
		return nil, err
	}
	var calls [clients][]*call
	for client := range calls {
		if calls[client], err = remoteWrites("http://"+address, client); err != nil {
			return nil, err
		}
	}
	wall, cpu, err := pointRate(ctx, cmd.Process.Pid, func(client, i int) *call { return calls[client][i%len(calls[client])] })
	if err != nil {
		return nil, err
	}
	return []figure.Figure{
		{Name: "  Prometheus' remote write of as many points, per second of one core", Value: cpu, Unit: "datapoints/s"},
		{Name: "  by wall clock", Value: wall, Unit: "datapoints/s"},
	}, nil
}
