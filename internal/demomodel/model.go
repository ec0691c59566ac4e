package demomodel

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

// Features is the number of measurements of a flower: sepal length, sepal width, petal length and petal width, in centimetres.
const Features = 4

// Row is one flower's measurements, in the order of Features.
type Row [Features]float64

// Model is a multinomial logistic regression over standardized features.
type Model struct {
	// Source names the data and the program from which the model was created.
	Source string `json:"source"`

	// Classes are the labels, in the order of Weights.
	Classes []string `json:"classes"`

	// Mean and Deviation standardize a feature x: (x - mean) / deviation.
	Mean      Row `json:"mean"`
	Deviation Row `json:"deviation"`

	// Weights has one row per class: the intercept, then a weight for each standardized feature.
	Weights [][Features + 1]float64 `json:"weights"`

	// Accuracy is the share of correct results on all flowers, which it was trained on. HeldOut is the five-fold
	// cross-validated accuracy.
	Accuracy float64 `json:"accuracy"`
	HeldOut  float64 `json:"held_out_accuracy"`
}

//go:embed model.json
var trained []byte

// Trained returns the model that ships with Bellows.
func Trained() (Model, error) {
	return decodeModel(trained)
}

func decodeModel(data []byte) (Model, error) {
	var m Model
	if err := json.Unmarshal(data, &m); err != nil {
		return Model{}, fmt.Errorf("reading the trained model: %w", err)
	}
	if len(m.Classes) == 0 || len(m.Classes) != len(m.Weights) {
		return Model{}, fmt.Errorf("reading the trained model: %d classes but %d rows of weights", len(m.Classes), len(m.Weights))
	}
	for _, d := range m.Deviation {
		if !(d > 0) {
			return Model{}, fmt.Errorf("reading the trained model: deviation %v is not positive", d)
		}
	}
	return m, nil
}

// Predict returns the index of the most likely class. It does not allocate.
func (m *Model) Predict(r Row) int {
	best, most := 0, math.Inf(-1)
	for c := range m.Weights {
		if s := m.score(c, r); s > most {
			best, most = c, s
		}
	}
	return best
}

// Probabilities returns the probability of every class, in the order of Classes; they add up to 1.
func (m *Model) Probabilities(r Row) []float64 {
	p := make([]float64, len(m.Weights))
	most := math.Inf(-1)
	for c := range p {
		p[c] = m.score(c, r)
		most = max(most, p[c])
	}
	sum := 0.0
	for c := range p {
		p[c] = math.Exp(p[c] - most) // minus the largest, to avoid overflow
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
	return p
}

// measurementMax limits a measurement in centimetres, so that scores stay finite.
const measurementMax = 1e6

func (m *Model) score(class int, r Row) float64 {
	w := &m.Weights[class]
	s := w[0]
	for i, x := range r {
		s += w[i+1] * (x - m.Mean[i]) / m.Deviation[i]
	}
	return s
}
