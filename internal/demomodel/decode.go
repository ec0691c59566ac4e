package demomodel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// rowsOfCSV parses one flower per line: four numbers separated by commas. Spaces around a number, carriage returns and
// empty lines are allowed; anything else is an error with the line number.
func rowsOfCSV(body []byte) ([]Row, error) {
	rows := make([]Row, 0, 1)
	for n := 1; len(body) > 0; n++ {
		var line []byte
		line, body, _ = bytes.Cut(body, []byte{'\n'})
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		r, err := rowOfCSV(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("the body has no row; send lines of %d numbers, for example 5.1,3.5,1.4,0.2", Features)
	}
	return rows, nil
}

func rowOfCSV(line []byte) (Row, error) {
	var r Row
	if n := bytes.Count(line, []byte{','}) + 1; n != Features {
		return r, fmt.Errorf("want %d numbers, found %d", Features, n)
	}
	for i := range r {
		var field []byte
		field, line, _ = bytes.Cut(line, []byte{','})
		x, err := strconv.ParseFloat(string(bytes.TrimSpace(field)), 64)
		if err != nil {
			return r, fmt.Errorf("field %d: %.40q is not a number", i+1, field)
		}
		if err := measurable(x); err != nil {
			return r, fmt.Errorf("field %d: %w", i+1, err)
		}
		r[i] = x
	}
	return r, nil
}

// rowsOfJSON parses {"instances": [[5.1, 3.5, 1.4, 0.2], …]}.
func rowsOfJSON(body []byte) ([]Row, error) {
	var in struct {
		Instances [][]float64 `json:"instances"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf(`want {"instances": [[5.1, 3.5, 1.4, 0.2]]}: %w`, err)
	}
	if len(in.Instances) == 0 {
		return nil, fmt.Errorf(`"instances" is missing or empty`)
	}
	rows := make([]Row, len(in.Instances))
	for n, values := range in.Instances {
		if len(values) != Features {
			return nil, fmt.Errorf("instances[%d]: want %d numbers, found %d", n, Features, len(values))
		}
		for i, x := range values {
			if err := measurable(x); err != nil {
				return nil, fmt.Errorf("instances[%d][%d]: %w", n, i, err)
			}
		}
		rows[n] = Row(values)
	}
	return rows, nil
}

func measurable(x float64) error {
	if math.IsNaN(x) || math.Abs(x) > measurementMax {
		return fmt.Errorf("%v is not a measurement in centimetres", x)
	}
	return nil
}

// csvOf renders the most likely class of each row, one per line.
func (m *Model) csvOf(rows []Row) []byte {
	out := make([]byte, 0, 12*len(rows))
	for _, r := range rows {
		out = append(out, m.Classes[m.Predict(r)]...)
		out = append(out, '\n')
	}
	return out
}

// prediction is the result for one row as JSON.
type prediction struct {
	Label         string    `json:"label"`
	Probabilities []float64 `json:"probabilities"`
}

// jsonOf renders {"predictions": [{"label": …, "probabilities": […]}]}.
func (m *Model) jsonOf(rows []Row) ([]byte, error) {
	out := struct {
		Predictions []prediction `json:"predictions"`
	}{make([]prediction, len(rows))}
	for n, r := range rows {
		out.Predictions[n] = prediction{Label: m.Classes[m.Predict(r)], Probabilities: m.Probabilities(r)}
	}
	return json.Marshal(out)
}
