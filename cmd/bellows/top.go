package main

import (
	"errors"
	"os"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/term"
	"bellows.dev/bellows/internal/top"
)

func topCommand() *cobra.Command {
	var x connection
	c := &cobra.Command{
		Use: "top", Short: "Show all variants live, on the whole screen",
		Long: "Shows what the console's first page shows: load, instances, alarms and what is wrong, the worst first, as it changes. s changes the order, f the\n" +
			"filter, / searches, esc shows all, q ends it. `bellows variants --watch` is for a pipe.",
		Example: "  bellows top",
		Args:    usage(cobra.NoArgs),
	}
	x.add(c)
	c.RunE = x.calling(func(c *cobra.Command, to *client.Client, _ []string) error {
		s := term.NewScreen(c.OutOrStdout(), os.Getenv)
		if !s.Terminal() {
			return &usageError{errors.New("top needs a terminal: `bellows variants --watch` prints the same into a pipe")}
		}
		return top.Run(c.Context(), to, top.Options{Colour: s.Colour, Program: []tea.ProgramOption{tea.WithInput(c.InOrStdin()), tea.WithOutput(c.OutOrStdout())}})
	})
	return c
}
