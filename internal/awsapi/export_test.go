package awsapi

import (
	"maps"
	"slices"
)

// Operations returns the names of a service's operations, sorted.
func (s *Service) Operations() []string { return slices.Sorted(maps.Keys(s.operations)) }

// NewInput returns an empty input of an operation.
func (s *Service) NewInput(operation string) any { return s.operations[operation].new() }
