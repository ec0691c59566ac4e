package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/replay"
	"bellows.dev/bellows/internal/server"
	"bellows.dev/bellows/scaling"
)

func replayCommand(types scaling.Types) *cobra.Command {
	var dir, from, to string
	o := replay.Options{Policies: types}
	c := &cobra.Command{
		Use:   "replay",
		Short: "Decide a stretch of the past again, from the journal, and compare with what was decided then",
		Long: "Reads the journal of a data directory (a server may be running), takes a fresh engine through it, prints every\n" +
			"event, and fails if an input now leads to other events than it did. The journal goes back at least a day.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Since, err = explain.ParseMoment(from); err != nil {
				return &usageError{fmt.Errorf("--from: %w", err)}
			}
			if o.Until, err = explain.ParseMoment(to); err != nil {
				return &usageError{fmt.Errorf("--to: %w", err)}
			}
			s, err := server.ReadJournal(cmd.Context(), dir)
			if err != nil {
				return err
			}
			defer s.Close() //nolint:errcheck // it was only read
			o.Out = cmd.OutOrStdout()
			return replay.Run(cmd.Context(), s, o)
		},
	}
	c.Flags().StringVar(&dir, "data-dir", defaultDataDir, "data directory of the server")
	c.Flags().StringVar(&from, "from", "", "print from this moment on (RFC 3339, or as replay prints it, in UTC)")
	c.Flags().StringVar(&to, "to", "", "stop at this moment (RFC 3339, or as replay prints it, in UTC)")
	c.Flags().BoolVar(&o.JSON, "json", false, "one JSON object a line; durations are in seconds")
	c.Flags().BoolVarP(&o.Quiet, "quiet", "q", false, "only the conclusion")
	return c
}
