package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/config"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Check bellows.yaml, or show the settings that hold", Args: usage(cobra.NoArgs)}
	c.AddCommand(
		&cobra.Command{
			Use: "check FILE", Short: "Check bellows.yaml, without a server",
			Long:    "Reports every mistake with its line, as `bellows serve --config FILE` would. It exits with 1 when there is one.",
			Example: "  bellows config check bellows.yaml",
			Args:    usage(arguments(1, "FILE")),
			RunE: func(c *cobra.Command, args []string) error {
				if _, err := config.Read(args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "%s: no mistakes\n", args[0])
				return err
			},
		},
		&cobra.Command{
			Use: "show [FILE]", Short: "Print all settings as YAML, with their defaults",
			Long:    "Prints the settings that hold with bellows.yaml, or the defaults without a file. Secrets are not shown.",
			Example: "  bellows config show\n  bellows config show bellows.yaml",
			Args:    usage(cobra.MaximumNArgs(1)),
			RunE: func(c *cobra.Command, args []string) error {
				file := ""
				if len(args) > 0 {
					file = args[0]
				}
				s, err := config.Read(file)
				if err != nil {
					return err
				}
				text, err := s.Show()
				if err != nil {
					return err
				}
				_, err = c.OutOrStdout().Write(text)
				return err
			},
		},
	)
	return c
}
