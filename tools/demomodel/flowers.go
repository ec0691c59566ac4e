package main

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"

	_ "embed"

	"bellows.dev/bellows/internal/demomodel"
)

//go:embed iris.csv
var facts string

// classes are the species, in the order of the facts.
func classes() []string { return []string{"setosa", "versicolor", "virginica"} }

// flower is one iris: what was measured, and the index of its species.
type flower struct {
	row   demomodel.Row
	class int
}

// flowers reads the facts.
func flowers() ([]flower, error) {
	records, err := csv.NewReader(strings.NewReader(facts)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading iris.csv: %w", err)
	}
	var all []flower
	for n, record := range records[1:] {
		f, err := flowerOf(record)
		if err != nil {
			return nil, fmt.Errorf("reading iris.csv, flower %d: %w", n+1, err)
		}
		all = append(all, f)
	}
	return all, nil
}

func flowerOf(record []string) (flower, error) {
	var f flower
	if len(record) != demomodel.Features+1 {
		return f, fmt.Errorf("%d fields", len(record))
	}
	for i := range f.row {
		x, err := strconv.ParseFloat(record[i], 64)
		if err != nil {
			return f, err
		}
		f.row[i] = x
	}
	species := record[demomodel.Features]
	f.class = slices.Index(classes(), species)
	if f.class < 0 {
		return f, fmt.Errorf("unknown species %q", species)
	}
	return f, nil
}
