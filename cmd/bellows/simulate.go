package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/zone"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scenario"
)

func simulateCommand(types scaling.Types) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "simulate FILE…",
		Short: "Run scenario files on virtual time and print what happens",
		Long: "A scenario says in plain text which endpoint, policies and load there are; the engine runs it on virtual time,\n" +
			"hours in milliseconds, and every alarm, decision and activity is printed with its reason.",
		Args: arguments(0, "FILE"),
		RunE: func(cmd *cobra.Command, files []string) error {
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					return fmt.Errorf("reading a scenario: %w", err)
				}
				out, err := scenario.RunWith(string(text), scenario.Options{Zone: zone.Data, Policies: types, Fold: !all})
				if err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				if _, err := fmt.Fprint(cmd.OutOrStdout(), out.Text); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&all, "all", false, "print each of the decisions without effect that repeat each minute, as in scenario files")
	return c
}
