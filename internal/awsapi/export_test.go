package awsapi

// NewInput returns an empty input of an operation.
func (s *Service) NewInput(operation string) any { return s.operations[operation].new() }
