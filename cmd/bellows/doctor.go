package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"bellows.dev/bellows/internal/doctor"
	"bellows.dev/bellows/internal/term"
)

func doctorCommand() *cobra.Command {
	var x connection
	var asJSON bool
	c := &cobra.Command{
		Use: "doctor [ENDPOINT]", Short: "Look for what is wrong with a set-up or an endpoint, and say how to mend it",
		Long: "Examines the data directory, the server, the key, the clock, disk space and open files, and each endpoint: its health, instances that do not\n" +
			"answer /ping, what silently keeps it from scaling, alarms whose policies are gone, start-ups that are longer than the cooldown, and scaling\n" +
			"that failed for want of capacity. It exits with 1 when it finds something.",
		Example: "  bellows doctor\n  bellows doctor iris\n  bellows doctor --json | jq '.findings[] | select(.level != \"ok\")'",
		Args:    usage(cobra.MaximumNArgs(1)),
	}
	x.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "JSON; docs/cli.md has its schema")
	c.ValidArgsFunction = x.completing(completeEndpoints)
	c.RunE = func(c *cobra.Command, args []string) error {
		s := doctor.Subject{Descriptors: descriptors, Space: space}
		s.Client, s.Failure = x.open(c)
		if s.Client == nil || s.Client.Local() {
			s.Dir = x.Dir
		}
		if len(args) > 0 {
			s.Endpoint = args[0]
		}
		report := doctor.Examine(c.Context(), s)
		if err := report.Answer().Write(term.NewScreen(c.OutOrStdout(), os.Getenv), asJSON); err != nil {
			return err
		}
		if err := c.Context().Err(); err != nil {
			return context.Cause(c.Context())
		}
		return report.Err()
	}
	return c
}

// descriptors returns how many files processes may open.
func descriptors() (limit uint64, ok bool) {
	var r unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
	return r.Cur, err == nil
}

// space returns the free space, and all, of the disk of a directory.
func space(dir string) (free, all uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}
