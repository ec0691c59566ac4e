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

// asPeer and peerFolder make the command the peer: the address that it listens on, and where its TSDB is.
const (
	asPeer     = "BELLOWS_BENCH_PEER"
	peerFolder = "BELLOWS_BENCH_PEER_FOLDER"
)

// servePeer is what Prometheus does with remote writes: its handler over its TSDB.
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

// writes is how many requests of a client's are made beforehand: enough for a load, so that none is sent twice.
const writes = 1500

// remoteWrites makes a client's requests of a thousand series' samples, a millisecond apart: no two write the same.
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

// answers waits until a server answers, whatever it says.
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
