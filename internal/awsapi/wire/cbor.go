package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"time"
	"unicode/utf8"
)

// CBOR's major types. RFC 8949, section 3.1.
const (
	cborUint = iota
	cborNegative
	cborBytes
	cborText
	cborList
	cborMap
	cborTag
	cborOther
)

// Values of the additional information that are not lengths. RFC 8949, section 3.
const (
	oneByte    = 24 // the argument follows in one byte, or in 2, 4, 8
	eightBytes = 27
	indefinite = 31
)

var (
	errCBOREnds    = errors.New("it ends too early")
	errCBORDepth   = errors.New("it nests too deeply")
	errCBORForm    = errors.New("it is malformed")
	errCBORKind    = errors.New("it has a value of a kind that no member has")
	errCBORText    = errors.New("a text is not UTF-8")
	errCBORTooMany = errors.New("it holds too many values")
)

// cborReader decodes a body into the values that bind accepts. It supports only what a request may hold and refuses everything else, which
// makes it several times as fast as a general CBOR decoder.
type cborReader struct {
	in   []byte
	keys []string // distinct keys read so far: a thousand datums share the same few

	values, structures int // read so far
}

const (
	keysMax     = 32  // keys that are remembered
	preallocMax = 150 // items that memory is reserved for before they are read, whatever length their list declares
)

// parseCBOR decodes a whole body.
func parseCBOR(body []byte) (any, error) {
	r := cborReader{in: body}
	x, err := r.value(0)
	if err == nil && len(r.in) > 0 {
		err = errors.New("it has trailing bytes")
	}
	return x, err
}

// head reads a value's major type, its additional information and its argument.
func (r *cborReader) head() (major, info byte, arg uint64, err error) {
	if len(r.in) == 0 {
		return 0, 0, 0, errCBOREnds
	}
	major, info = r.in[0]>>5, r.in[0]&0x1f
	r.in = r.in[1:]
	switch {
	case info < oneByte:
		return major, info, uint64(info), nil
	case info <= eightBytes:
		n := 1 << (info - oneByte)
		if len(r.in) < n {
			return 0, 0, 0, errCBOREnds
		}
		var wide [8]byte
		copy(wide[8-n:], r.in)
		r.in = r.in[n:]
		return major, info, binary.BigEndian.Uint64(wide[:]), nil
	case info == indefinite:
		return major, info, 0, nil
	default:
		return 0, 0, 0, errCBORForm
	}
}

func (r *cborReader) value(depth int) (any, error) {
	if depth > depthMax {
		return nil, errCBORDepth
	}
	major, info, arg, err := r.head()
	if err != nil {
		return nil, err
	}
	if r.count(major, info) {
		return nil, errCBORTooMany
	}
	if info == indefinite && (major < cborBytes || major == cborTag) {
		return nil, errCBORForm
	}
	switch major {
	case cborUint:
		return arg, nil
	case cborNegative:
		if arg > math.MaxInt64 {
			return nil, errCBORKind
		}
		return -1 - int64(arg), nil
	case cborBytes, cborText:
		b, err := r.text(major, info, arg)
		if err != nil || major == cborBytes {
			return bytes.Clone(b), err // the body's buffer is reused
		}
		return string(b), nil
	case cborList:
		return r.list(info, arg, depth)
	case cborMap:
		return r.mapping(info, arg, depth)
	case cborTag:
		return r.tagged(arg, depth)
	default:
		return other(info, arg)
	}
}

// count counts a value and reports whether the request holds more values than allowed.
func (r *cborReader) count(major, info byte) bool {
	r.values++
	if major == cborMap || major == cborOther && info <= oneByte {
		r.structures++ // a null in a list of structures becomes an empty structure
	}
	return r.values > valuesMax || r.structures > structuresMax
}

// text reads a byte or text string; one of indefinite length comes in chunks.
func (r *cborReader) text(major, info byte, arg uint64) ([]byte, error) {
	if info != indefinite {
		if arg > uint64(len(r.in)) {
			return nil, errCBOREnds
		}
		b := r.in[:arg:arg]
		r.in = r.in[arg:]
		if major == cborText && !utf8.Valid(b) {
			return nil, errCBORText
		}
		return b, nil
	}
	out := []byte{}
	for !r.stop() {
		m, i, n, err := r.head()
		if err != nil {
			return nil, err
		}
		if m != major || i == indefinite {
			return nil, errCBORForm
		}
		piece, err := r.text(m, i, n)
		if err != nil {
			return nil, err
		}
		out = append(out, piece...)
	}
	return out, nil
}

// stop consumes the break that ends an item of indefinite length, if it is next.
func (r *cborReader) stop() bool {
	if len(r.in) > 0 && r.in[0] == cborOther<<5|indefinite {
		r.in = r.in[1:]
		return true
	}
	return false
}

// more reports whether a list or map of which n items were read has another one.
func (r *cborReader) more(info byte, arg, n uint64) bool {
	if info == indefinite {
		return !r.stop()
	}
	return n < arg
}

func (r *cborReader) list(info byte, arg uint64, depth int) (any, error) {
	out := make([]any, 0, min(arg, uint64(len(r.in)), preallocMax))
	for n := uint64(0); r.more(info, arg, n); n++ {
		x, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func (r *cborReader) mapping(info byte, arg uint64, depth int) (any, error) {
	out := make(map[string]any, min(arg, uint64(len(r.in)/2), 8))
	for n := uint64(0); r.more(info, arg, n); n++ {
		major, i, size, err := r.head()
		if err != nil {
			return nil, err
		}
		if major != cborText {
			return nil, errCBORKind
		}
		key, err := r.text(major, i, size)
		if err != nil {
			return nil, err
		}
		x, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out[r.key(key)] = x
	}
	return out, nil
}

// key returns a key as a string; keys that were read before are not allocated again.
func (r *cborReader) key(b []byte) string {
	for _, k := range r.keys {
		if k == string(b) {
			return k
		}
	}
	k := string(b)
	if len(r.keys) < keysMax {
		r.keys = append(r.keys, k)
	}
	return k
}

// tagged reads a timestamp: seconds since the epoch, or text. No member has another tagged type.
func (r *cborReader) tagged(tag uint64, depth int) (any, error) {
	x, err := r.value(depth + 1)
	if err != nil {
		return nil, err
	}
	switch x := x.(type) {
	case string:
		if at, err := time.Parse(time.RFC3339Nano, x); tag == 0 && err == nil {
			return at, nil
		}
	case uint64, int64, float64:
		at, _ := double(x)
		if tag == 1 && math.Abs(at) < 1e11 {
			sec, frac := math.Modf(at)
			return time.Unix(int64(sec), int64(math.Round(frac*1e6))*1e3).UTC(), nil
		}
	}
	return nil, errCBORKind
}

// other decodes a simple value, or a float of two, four or eight bytes.
func other(info byte, arg uint64) (any, error) {
	switch info {
	case 20, 21:
		return info == 21, nil
	case 22, 23: // null, undefined
		return nil, nil //nolint:nilnil // null is a value
	case 25:
		return half(uint16(arg)), nil
	case 26:
		return float64(math.Float32frombits(uint32(arg))), nil
	case 27:
		return math.Float64frombits(arg), nil
	default:
		return nil, errCBORKind
	}
}

// half decodes a half-precision float. RFC 8949, appendix D.
func half(h uint16) float64 {
	exponent, mantissa := int(h>>10&0x1f), float64(h&0x3ff)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(mantissa, -24)
	case 31:
		v = math.Inf(1)
		if mantissa != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(mantissa+1024, exponent-25)
	}
	if h&0x8000 != 0 {
		return -v
	}
	return v
}
