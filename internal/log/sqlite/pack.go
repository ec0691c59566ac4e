package sqlite

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// packFrom is from how many bytes on an input's data is packed. What gateways measured each second is nearly all of a journal, and says
// the same names each time.
const packFrom = 512

// packWindow is how far back packed data is compared, in bytes; a larger one takes more memory all the time.
const packWindow = 128 << 10

// frame is what packed data begins with. RFC 8878, section 3.1.1.
var frame = []byte{0x28, 0xB5, 0x2F, 0xFD}

func newPacker() (*zstd.Encoder, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(packWindow), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("packing inputs: %w", err)
	}
	return z, nil
}

// packInput returns what the journal holds of an input's data.
func packInput(z *zstd.Encoder, data []byte) []byte {
	if len(data) < packFrom && !bytes.HasPrefix(data, frame) {
		return data
	}
	return z.EncodeAll(data, nil)
}

// unpackInput returns an input's data from what the journal holds.
func unpackInput(z *zstd.Decoder, held []byte) ([]byte, error) {
	if !bytes.HasPrefix(held, frame) {
		return held, nil
	}
	return z.DecodeAll(held, nil)
}
