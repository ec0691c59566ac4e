package awsapi

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"
)

// A small body that decompresses to more than the limit is treated as empty, and a body is decompressed once.
func TestCompressedBodiesAreBounded(t *testing.T) {
	packed := func(n int) *request {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(make([]byte, n))
		_ = z.Close()
		return &request{http: &http.Request{Header: http.Header{"Content-Encoding": {"gzip"}}}, body: b.Bytes()}
	}
	if got := packed(unpackedMax + 1).plain(); got != nil {
		t.Errorf("a decompression bomb resulted in %d bytes", len(got))
	}
	q := packed(unpackedMax)
	got := q.plain()
	if len(got) != unpackedMax || &got[0] != &q.plain()[0] {
		t.Errorf("a large body resulted in %d bytes", len(got))
	}
	if q := packed(3); q.plain() == nil || (&request{http: q.http, body: []byte("no gzip")}).plain() != nil {
		t.Error("gzip is not recognised, or plain text is taken for gzip")
	}
}
