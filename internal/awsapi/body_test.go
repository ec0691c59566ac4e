package awsapi

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"
)

// A small body that unpacks to more than a server should hold is none at all, and what is unpacked is unpacked once.
func TestCompressedBodiesAreBounded(t *testing.T) {
	packed := func(n int) *request {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(make([]byte, n))
		_ = z.Close()
		return &request{http: &http.Request{Header: http.Header{"Content-Encoding": {"gzip"}}}, body: b.Bytes()}
	}
	if got := packed(unpackedMax + 1).plain(); got != nil {
		t.Errorf("%d bytes came of a bomb", len(got))
	}
	q := packed(unpackedMax)
	got := q.plain()
	if len(got) != unpackedMax || &got[0] != &q.plain()[0] {
		t.Errorf("%d bytes came of a large body", len(got))
	}
	if q := packed(3); q.plain() == nil || (&request{http: q.http, body: []byte("no gzip")}).plain() != nil {
		t.Error("what is gzip, what is not")
	}
}
