package backtest

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseTrace reads the values of a trace: comments, a header, then a line "offset in seconds,requests" for each bin, without gaps.
func ParseTrace(text string) ([]float64, error) {
	var values []float64
	number := 0
	for line := range strings.Lines(text) {
		number++
		offset, requests, ok := strings.Cut(strings.TrimSpace(line), ",")
		if _, err := strconv.Atoi(offset); !ok || err != nil {
			continue // a comment, or the header
		}
		v, err := strconv.ParseFloat(requests, 64)
		if err != nil {
			return nil, fmt.Errorf("reading line %d of a trace: %w", number, err)
		}
		values = append(values, v)
	}
	return values, nil
}

// Aggregate sums each n consecutive values. A last group of fewer than n values is dropped.
func Aggregate(values []float64, n int) []float64 {
	out := make([]float64, len(values)/n)
	for i := range out {
		for _, v := range values[i*n : (i+1)*n] {
			out[i] += v
		}
	}
	return out
}
