// Package term prints for people on a terminal, and for programs: tables, charts, colour only where it is wanted, JSON, and answers that are read
// again and again.
//
//	s := term.NewScreen(os.Stdout, os.Getenv)
//	err := term.Table{Header: []string{"NAME", "STATUS"}, Rows: [][]term.Cell{{term.Plain("iris"), term.Good("InService")}}}.Write(s)
package term
