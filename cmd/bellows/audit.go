package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/term"
)

func auditCommand() *cobra.Command {
	var f client.AuditFilter
	var dir, from string
	var follow, asJSON bool
	var most int
	c := &cobra.Command{
		Use:   "audit",
		Short: "Print who changed what, from where and with what result, and what was refused",
		Long: "Prints the audit log of a running server, the oldest record first: calls that change something, also from the console, sign-ins,\n" +
			"changes of keys, and refusals. --json prints each record on a line, with the names of AWS CloudTrail.",
		Example: "  bellows audit --since 2h --user ann\n  bellows audit --failed --follow",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := since(&f, from); err != nil {
				return err
			}
			server, err := client.Open(cmd.Context(), client.Options{Dir: dir})
			if err != nil {
				return err
			}
			header := true
			show := func(all []audit.Record) error {
				if !asJSON {
					err := client.RenderAudit(cmd.OutOrStdout(), all, header)
					header = false
					return err
				}
				for i := range all {
					if err := term.EncodeJSON(cmd.OutOrStdout(), &all[i]); err != nil {
						return err
					}
				}
				return nil
			}
			after, err := server.Audit(cmd.Context(), f, most, show)
			if err != nil || !follow {
				return err
			}
			return server.Follow(cmd.Context(), f, after, show)
		},
	}
	flags := c.Flags()
	flags.StringVar(&dir, "data-dir", defaultDataDir, "data directory of the server")
	flags.StringVar(&from, "since", "", "a span before now, in policy time, such as 2h or 3d, or a time, such as 2026-11-28T03:00:00Z")
	flags.StringVar(&f.User, "user", "", "only of this user, or access key ID")
	flags.StringVar(&f.Operation, "operation", "", "only of this operation, such as CreateEndpoint or ConsoleLogin")
	flags.StringVar(&f.Source, "source", "", "only of this service, such as sagemaker")
	flags.BoolVar(&f.Failed, "failed", false, "only what failed or was refused")
	flags.IntVar(&most, "limit", 1000, "how many records, the newest, are printed at most")
	flags.BoolVarP(&follow, "follow", "f", false, "print new records as they come")
	flags.BoolVar(&asJSON, "json", false, "JSON, a record on a line")
	return c
}

// since sets the start of a filter: a span before now, in policy time, such as 2h or 3d, or a time; "" is none.
func since(f *client.AuditFilter, text string) (err error) {
	if text == "" {
		return nil
	}
	if f.Ago, err = explain.ParseSpan(text); err == nil {
		return nil
	}
	if f.Since, err = explain.ParseMoment(text); err != nil {
		return &usageError{fmt.Errorf("--since is %q: want a span such as 2h or 3d, or a time such as 2026-11-28T03:00:00Z", text)}
	}
	return nil
}
