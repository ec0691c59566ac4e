package demomodel

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRowsOfCSV(t *testing.T) {
	setosa, virginica := Row{5.1, 3.5, 1.4, 0.2}, Row{6.3, 3.3, 6, 2.5}
	for name, c := range map[string]struct {
		body    string
		want    []Row
		wantErr string
	}{
		"one row":              {body: "5.1,3.5,1.4,0.2", want: []Row{setosa}},
		"several rows":         {body: "5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n", want: []Row{setosa, virginica}},
		"spaces, CRLF, blanks": {body: "\r\n 5.1, 3.5 ,1.4,\t0.2\r\n\r\n", want: []Row{setosa}},
		"empty":                {body: " \n", wantErr: "the body has no row"},
		"three numbers":        {body: "1,2,3", wantErr: "line 1: want 4 numbers, found 3"},
		"five numbers":         {body: "1,2,3,4\n1,2,3,4,5", wantErr: "line 2: want 4 numbers, found 5"},
		"a header":             {body: "sepal_length,a,b,c\n1,2,3,4", wantErr: `line 1: field 1: "sepal_length" is not a number`},
		"an empty field":       {body: "1,,3,4", wantErr: `field 2: "" is not a number`},
		"not finite":           {body: "1,2,NaN,4", wantErr: "field 3: NaN is not a measurement"},
		"far too large":        {body: "1,2,3,1e300", wantErr: "field 4: 1e+300 is not a measurement"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rowsOfCSV([]byte(c.body))
			check(t, got, err, c.want, c.wantErr)
		})
	}
}

func TestRowsOfJSON(t *testing.T) {
	for name, c := range map[string]struct {
		body    string
		want    []Row
		wantErr string
	}{
		"one row":         {body: `{"instances": [[5.1, 3.5, 1.4, 0.2]]}`, want: []Row{{5.1, 3.5, 1.4, 0.2}}},
		"not JSON":        {body: `5.1,3.5,1.4,0.2`, wantErr: `want {"instances"`},
		"no instances":    {body: `{}`, wantErr: `"instances" is missing or empty`},
		"wrong type":      {body: `{"instances": [["a", 1, 2, 3]]}`, wantErr: "cannot unmarshal string"},
		"too few numbers": {body: `{"instances": [[1, 2, 3, 4], [1, 2]]}`, wantErr: "instances[1]: want 4 numbers, found 2"},
		"too large":       {body: `{"instances": [[1, 2, 3, 1e9]]}`, wantErr: "instances[0][3]: 1e+09 is not a measurement"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rowsOfJSON([]byte(c.body))
			check(t, got, err, c.want, c.wantErr)
		})
	}
}

func check(t *testing.T, got []Row, err error, want []Row, wantErr string) {
	t.Helper()
	if (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
		t.Fatalf("error %v, want one with %q", err, wantErr)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestProbabilitiesAddUp(t *testing.T) {
	m := trainedModel(t)
	for _, r := range []Row{{}, {5.1, 3.5, 1.4, 0.2}, {-measurementMax, measurementMax, measurementMax, -measurementMax}} {
		p, sum := m.Probabilities(r), 0.0
		for c, x := range p {
			sum += x
			if x > p[m.Predict(r)] {
				t.Errorf("%v: class %d is more likely than the predicted one", r, c)
			}
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("%v: probabilities %v add up to %v", r, p, sum)
		}
	}
}

func TestDecodeModelRefusesNonsense(t *testing.T) {
	for _, text := range []string{``, `{}`, `{"classes":["a"],"weights":[]}`, `{"classes":["a"],"weights":[[1,2,3,4,5]],"deviation":[0,1,1,1]}`} {
		if _, err := decodeModel([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func trainedModel(t testing.TB) *Model {
	t.Helper()
	m, err := Trained()
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// For any input a decoder returns rows that the model accepts, or an error.
func FuzzDecoders(f *testing.F) {
	f.Add([]byte("5.1,3.5,1.4,0.2\n6,3,4,1"))
	f.Add([]byte(`{"instances": [[5.1, 3.5, 1.4, 0.2]]}`))
	f.Add([]byte("1,2,Inf,4\r\n,,,"))
	m := trainedModel(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, decode := range []func([]byte) ([]Row, error){rowsOfCSV, rowsOfJSON} {
			rows, err := decode(body)
			if err != nil {
				continue
			}
			if got := strings.Count(string(m.csvOf(rows)), "\n"); len(rows) == 0 || got != len(rows) {
				t.Fatalf("%d lines for %d rows of %q", got, len(rows), body)
			}
			if out, err := m.jsonOf(rows); err != nil || !json.Valid(out) {
				t.Fatalf("%q: %s, %v", body, out, err)
			}
		}
	})
}
