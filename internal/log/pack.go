package log

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Packed is compressed data (zstd).
type Packed []byte

// Pack compresses data.
func Pack(data []byte) (Packed, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return z.EncodeAll(data, Packed{}), nil
}

// PackAll compresses what write writes.
func PackAll(write func(io.Writer) error) (Packed, error) {
	var out bytes.Buffer
	if err := PackInto(&out, write); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return out.Bytes(), nil
}

// PackInto writes what write writes to w, compressed.
func PackInto(w io.Writer, write func(io.Writer) error) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	if err := write(z); err != nil {
		_ = z.Close() // the attempt has failed
		return err
	}
	return z.Close()
}

// Unpack returns the data.
func (p Packed) Unpack() ([]byte, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	defer z.Close()
	data, err := z.DecodeAll(p, nil)
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	return data, nil
}
