package main

import (
	"testing"
	"time"
)

const wrkOutput = `Running 5s test @ http://127.0.0.1:1/
  2 threads and 32 connections
  Latency Distribution
     50%  689.00us
     75%    0.95ms
     90%    1.30ms
     99%    2.67ms
  223456 requests in 5.10s, 260.00MB read
  Socket errors: connect 0, read 3, write 0, timeout 1
  Non-2xx or 3xx responses: 12
Requests/sec:  43814.90
Transfer/sec:     50.98MB
`

func TestParseWrk(t *testing.T) {
	m, err := parseWrk(wrkOutput)
	want := measurement{rate: 43814.90, p50: 689 * time.Microsecond, p99: 2670 * time.Microsecond, failures: 16}
	if err != nil || m != want {
		t.Errorf("%+v, %v; want %+v", m, err, want)
	}
	if _, err := parseWrk("unable to connect"); err == nil {
		t.Error("no error for an output without a rate")
	}
}

func TestMedians(t *testing.T) {
	m := median([]measurement{{3, 1, 9, 0, 5}, {1, 5, 7, 1, 6}, {2, 3, 8, 0, 4}})
	if m != (measurement{2, 3, 8, 1, 5}) {
		t.Errorf("%+v", m)
	}
}
