package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/listing"
	"bellows.dev/bellows/internal/term"
	"bellows.dev/bellows/scaling"
)

// policiesCommand lists policies; the commands below it change them.
func policiesCommand() *cobra.Command {
	c := list{
		use: "policies [ENDPOINT[/VARIANT]]", short: "List, put and delete scaling policies of any type",
		long: "Lists the scaling policies of all targets, of an endpoint or of a variant. The commands below it put policies as named settings: types that\n" +
			"AWS does not have, and those of AWS's whose configuration needs few settings. `bellows policies types` lists the types.",
		example: "  bellows policies iris/AllTraffic\n  bellows policies put keep --on iris/AllTraffic --type TargetTrackingScaling metric=SageMakerVariantInvocationsPerInstance target=70",
		args:    cobra.MaximumNArgs(1), complete: completeEither,
		read: func(ctx context.Context, to *client.Client, args []string) (term.Answer, error) {
			endpoint, variant, err := ofVariant(args)
			if err != nil {
				return term.Answer{}, err
			}
			return listing.Policies(ctx, to, endpoint, variant)
		},
	}.command()
	c.Aliases = []string{"policy"}
	c.AddCommand(putPolicyCommand(), policyTypesCommand(), deletePolicyCommand())
	return c
}

func putPolicyCommand() *cobra.Command {
	var x connection
	var on, kind string
	c := &cobra.Command{
		Use:     "put NAME --on ENDPOINT/VARIANT --type TYPE SETTING=VALUE…",
		Short:   "Make a policy of a scalable target, or replace its configuration",
		Example: "  bellows policies put keep --on iris/AllTraffic --type TargetTrackingScaling metric=SageMakerVariantInvocationsPerInstance target=70",
		Args:    usage(arguments(0, "NAME")),
	}
	x.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		of, err := target(on)
		if err != nil {
			return err
		}
		settings := map[string]string{}
		for _, a := range args[1:] {
			name, value, found := strings.Cut(a, "=")
			if _, twice := settings[name]; !found || name == "" || twice {
				return &usageError{fmt.Errorf("%q is not SETTING=VALUE, or its setting is there twice\n%s", a, usageHint(c))}
			}
			settings[name] = value
		}
		return x.calling(func(c *cobra.Command, to *client.Client, args []string) error {
			arn, err := to.PutPolicy(c.Context(), of, args[0], kind, settings)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), arn)
			return err
		})(c, args)
	}
	c.Flags().StringVar(&on, "on", "", "the scalable target")
	c.Flags().StringVar(&kind, "type", "", "the policy type, of those that `bellows policies types` lists")
	required(c, "on", "type")
	x.completeFlag(c, "on", completeVariants)
	x.completeFlag(c, "type", func(ctx context.Context, to *client.Client, begin string) ([]string, error) {
		types, err := to.PolicyTypes(ctx)
		var names []string
		for _, t := range types {
			names = append(names, t.Name)
		}
		return beginning(names, begin), err
	})
	return c
}

func policyTypesCommand() *cobra.Command {
	return list{
		use: "types", short: "List the policy types that can be put as settings", example: "  bellows policies types",
		args: cobra.NoArgs,
		read: func(ctx context.Context, to *client.Client, _ []string) (term.Answer, error) {
			return listing.PolicyTypes(ctx, to)
		},
	}.command()
}

func deletePolicyCommand() *cobra.Command {
	var x connection
	var on string
	c := &cobra.Command{
		Use:     "delete NAME --on ENDPOINT/VARIANT",
		Short:   "Delete a policy, with the alarms that it owns",
		Example: "  bellows policies delete keep --on iris/AllTraffic",
		Args:    usage(arguments(1, "NAME")),
	}
	x.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		of, err := target(on)
		if err != nil {
			return err
		}
		return x.calling(func(c *cobra.Command, to *client.Client, args []string) error {
			return to.DeletePolicy(c.Context(), of, args[0])
		})(c, args)
	}
	c.Flags().StringVar(&on, "on", "", "the scalable target")
	required(c, "on")
	x.completeFlag(c, "on", completeVariants)
	return c
}

// completeFlag completes the value of a flag by what the server has.
func (x *connection) completeFlag(c *cobra.Command, flag string, f completer) {
	if err := c.RegisterFlagCompletionFunc(flag, x.completing(f)); err != nil {
		panic(err) // there is no such flag
	}
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
