package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/plainjson"
	"bellows.dev/bellows/scaling"
)

// policyFlags are the flags that the commands below policy have in common.
type policyFlags struct {
	dir, region string
	json        bool
}

func policyCommand() *cobra.Command {
	var f policyFlags
	c := &cobra.Command{
		Use:   "policy",
		Short: "Put, list and delete scaling policies of any type",
		Long: "Puts scaling policies as named settings, through the API of the running server of a data directory: types that AWS does\n" +
			"not have, and those of AWS's whose configuration needs few settings. `bellows policy types` lists the types.",
		Args: cobra.NoArgs,
	}
	flags := c.PersistentFlags()
	flags.StringVar(&f.dir, "data-dir", defaultDataDir, "data directory of the server")
	flags.StringVar(&f.region, "region", "", "region of the endpoint; default: the server's")
	c.AddCommand(f.put(), f.list(), f.types(), f.remove())
	return c
}

func (f *policyFlags) put() *cobra.Command {
	var on, kind string
	c := &cobra.Command{
		Use:     "put NAME --on ENDPOINT/VARIANT --type TYPE SETTING=VALUE…",
		Short:   "Make a policy of a scalable target, or replace its configuration",
		Example: "  bellows policy put keep --on iris/AllTraffic --type TargetTrackingScaling metric=SageMakerVariantInvocationsPerInstance target=70",
		Args:    arguments(0, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			of, err := target(on)
			if err != nil {
				return err
			}
			settings := map[string]string{}
			for _, a := range args[1:] {
				name, value, found := strings.Cut(a, "=")
				if _, twice := settings[name]; !found || name == "" || twice {
					return &usageError{fmt.Errorf("%q is not SETTING=VALUE, or its setting is there twice\n%s", a, usageHint(cmd))}
				}
				settings[name] = value
			}
			server, err := client.Open(f.dir, f.region)
			if err != nil {
				return err
			}
			arn, err := server.PutPolicy(cmd.Context(), of, args[0], kind, settings)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), arn)
			return err
		},
	}
	c.Flags().StringVar(&on, "on", "", "the scalable target")
	c.Flags().StringVar(&kind, "type", "", "the policy type, of those that `bellows policy types` lists")
	required(c, "on", "type")
	return c
}

func (f *policyFlags) list() *cobra.Command {
	c := &cobra.Command{
		Use:   "list [ENDPOINT/VARIANT]",
		Short: "List the policies of all scalable targets, or of one, with their settings",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			resource := ""
			if len(args) == 1 {
				of, err := target(args[0])
				if err != nil {
					return err
				}
				resource = of.ResourceID
			}
			server, err := client.Open(f.dir, f.region)
			if err != nil {
				return err
			}
			all, err := server.Policies(cmd.Context(), resource)
			if err != nil {
				return err
			}
			if f.json {
				return plainjson.Write(cmd.OutOrStdout(), all)
			}
			return client.RenderPolicies(cmd.OutOrStdout(), all)
		},
	}
	c.Flags().BoolVar(&f.json, "json", false, "JSON")
	return c
}

func (f *policyFlags) types() *cobra.Command {
	c := &cobra.Command{
		Use:   "types",
		Short: "List the policy types, with their settings",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := client.Open(f.dir, f.region)
			if err != nil {
				return err
			}
			all, err := server.PolicyTypes(cmd.Context())
			if err != nil {
				return err
			}
			if f.json {
				return plainjson.Write(cmd.OutOrStdout(), all)
			}
			return client.RenderPolicyTypes(cmd.OutOrStdout(), all)
		},
	}
	c.Flags().BoolVar(&f.json, "json", false, "JSON")
	return c
}

func (f *policyFlags) remove() *cobra.Command {
	var on string
	c := &cobra.Command{
		Use:   "delete NAME --on ENDPOINT/VARIANT",
		Short: "Delete a policy, with the alarms that it owns",
		Args:  arguments(1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			of, err := target(on)
			if err != nil {
				return err
			}
			server, err := client.Open(f.dir, f.region)
			if err != nil {
				return err
			}
			return server.DeletePolicy(cmd.Context(), of, args[0])
		},
	}
	c.Flags().StringVar(&on, "on", "", "the scalable target")
	required(c, "on")
	return c
}

// target parses ENDPOINT/VARIANT.
func target(text string) (scaling.TargetKey, error) {
	endpoint, variant, err := explain.ParseVariant(text)
	if err == nil && variant == "" {
		err = fmt.Errorf("%q has no variant: want ENDPOINT/VARIANT", text)
	}
	if err != nil {
		return scaling.TargetKey{}, &usageError{err}
	}
	return scaling.VariantTarget(endpoint, variant), nil
}

// required marks flags without which a command does not run.
func required(c *cobra.Command, flags ...string) {
	for _, name := range flags {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err) // there is no such flag
		}
	}
}
