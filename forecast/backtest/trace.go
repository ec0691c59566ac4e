package rolling

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Load reads a trace: comments, a header, then a line "offset in seconds,requests" for each bin, without gaps.
func Load(name string) ([]float64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	values, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("reading trace %s: %w", name, err)
	}
	return values, nil
}

func read(r io.Reader) ([]float64, error) {
	var values []float64
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		offset, requests, ok := strings.Cut(lines.Text(), ",")
		if _, err := strconv.Atoi(offset); !ok || err != nil {
			continue // a comment, or the header
		}
		v, err := strconv.ParseFloat(requests, 64)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, lines.Err()
}

// Join sums each n values, whole groups only.
func Join(values []float64, n int) []float64 {
	out := make([]float64, len(values)/n)
	for i := range out {
		for _, v := range values[i*n : (i+1)*n] {
			out[i] += v
		}
	}
	return out
}
