package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/prompb"
	write "github.com/prometheus/prometheus/storage/remote"
)

// Environment variables that make this program the peer: its listen address and the folder of its TSDB.
const (
	asPeer     = "BELLOWS_BENCH_PEER"
	peerFolder = "BELLOWS_BENCH_PEER_FOLDER"
)

// servePeer serves remote writes as Prometheus does: its own handler over its own TSDB.
func servePeer(ctx context.Context, address, dir string) error {
	db, err := store(dir)
	if err != nil {
		return err
	}
	h := write.NewWriteHandler(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), db, remote.MessageTypes{remote.WriteV1MessageType}, false, false, false)
	s := &http.Server{Addr: address, Handler: h, ReadHeaderTimeout: time.Second}
	go func() {
		<-ctx.Done()
		_ = s.Close() // the benchmark is over
	}()
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return db.Close()
}

// writes is the number of requests prepared for a client: enough that none is sent twice.
const writes = 1500

// remoteWrites prepares a client's requests, each with one sample of a thousand series, a millisecond after the one before.
func remoteWrites(url string, client int) ([]*call, error) {
	header := http.Header{
		"Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"snappy"}, "X-Prometheus-Remote-Write-Version": {"0.1.0"},
	}
	now := time.Now().UnixMilli()
	var out []*call
	for k := range writes {
		var r prompb.WriteRequest
		for i := range batch {
			r.Timeseries = append(r.Timeseries, prompb.TimeSeries{
				Labels: []prompb.Label{
					{Name: "__name__", Value: "bench_requests"}, {Name: "host", Value: fmt.Sprint("host-", client*batch+i)}, {Name: "unit", Value: "Count"},
				},
				Samples: []prompb.Sample{{Timestamp: now + int64(k), Value: float64(i) + 0.5}},
			})
		}
		text, err := r.Marshal()
		if err != nil {
			return nil, err
		}
		out = append(out, &call{url: url, header: header, body: snappy.Encode(nil, text)})
	}
	return out, nil
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers waits until a server answers with any status.
func answers(ctx context.Context, url string) error {
	for begun := time.Now(); time.Since(begun) < 10*time.Second; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			return resp.Body.Close()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.New("the peer does not start")
}
