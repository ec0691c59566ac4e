package sqlite

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/klauspost/compress/zstd"

	"bellows.dev/bellows/internal/log"
)

func TestInputsArePacked(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var observed bytes.Buffer
	for n := range 100 {
		fmt.Fprintf(&observed, `{"Key":{"Account":"123456789012","Region":"eu-west-1","Endpoint":"endpoint-%d","Variant":"AllTraffic"},"Invocations":%d},`, n, n*n)
	}
	want := [][]byte{{}, []byte("{}"), frame, append(bytes.Clone(frame), "no frame"...), bytes.Repeat([]byte("x"), packFrom-1), observed.Bytes()}
	var inputs []log.Entry
	for i, data := range want {
		inputs = append(inputs, log.Entry{Seq: uint64(i + 1), At: moment(int64(i)), Kind: "Test", Data: data})
	}
	if err := s.Append(t.Context(), log.Batch{Entries: inputs}); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.Read(t.Context(), 0, func(in log.Entry) error {
		if !bytes.Equal(in.Data, want[n]) {
			t.Errorf("input %d came back as %q", n, in.Data)
		}
		n++
		return nil
	}); err != nil || n != len(want) {
		t.Errorf("%d inputs came back, %v", n, err)
	}
	var held int
	if err := s.read.QueryRowContext(t.Context(), `SELECT length(data) FROM journal WHERE seq = ?`, len(want)).Scan(&held); err != nil {
		t.Fatal(err)
	}
	if held*5 > observed.Len() {
		t.Errorf("%d bytes are held in %d", observed.Len(), held)
	}
}

func TestDamagedInputIsRefused(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{{Seq: 1, Kind: "Test", Data: bytes.Repeat([]byte("x"), packFrom)}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.write.ExecContext(t.Context(), `UPDATE journal SET data = substr(data, 1, length(data) - 1)`); err != nil {
		t.Fatal(err)
	}
	if err := s.Read(t.Context(), 0, func(log.Entry) error { return nil }); err == nil {
		t.Error("an input that lost its end was read")
	}
}

func FuzzUnpackInput(f *testing.F) {
	packer, err := newPacker()
	if err != nil {
		f.Fatal(err)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("{}"))
	f.Add(bytes.Repeat([]byte("ab"), packFrom))
	f.Add(packer.EncodeAll([]byte("{}"), nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := unpackInput(z, packInput(packer, data))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%q came back as %q, %v", data, got, err)
		}
		_, _ = unpackInput(z, data) // whatever it is, it must not panic
	})
}
