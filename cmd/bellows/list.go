package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/listing"
	"bellows.dev/bellows/internal/term"
)

// beginning returns the words that begin with a text.
func beginning(words []string, begin string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, begin) })
}

func endpointsCommand() *cobra.Command {
	return list{
		use: "endpoints [NAME…]", short: "List endpoints, or show some in detail",
		long:    "Lists all endpoints with their status, variants and instances, the newest first. With names: each with its variants, images and weights.",
		example: "  bellows endpoints\n  bellows endpoints iris --watch\n  bellows endpoints --json | jq -r '.Endpoints[] | select(.EndpointStatus==\"Failed\") | .EndpointName'",
		args:    cobra.ArbitraryArgs, complete: completeEndpoints, read: listing.Endpoints,
	}.command()
}

func modelsCommand() *cobra.Command {
	return list{
		use: "models [NAME…]", short: "List models, with their images and model data",
		long:    "Lists models, the newest first. Of environments only the names are shown; --json has the values.",
		example: "  bellows models\n  bellows models iris --json",
		args:    cobra.ArbitraryArgs, complete: completeModels, read: listing.Models,
	}.command()
}

func variantsCommand() *cobra.Command {
	var q listing.VariantsQuery
	return list{
		use: "variants [TEXT]", short: "List variants with load, instances, alarms and what is wrong, the worst first",
		long: "Lists the variants of all endpoints, as the console's first page does: status, health, instances that run of those desired, the range of\n" +
			"the scalable target, invocations a minute and the last 15 minutes, errors of the last 5 minutes, alarms in ALARM, and the most urgent\n" +
			"thing to know. TEXT is a part of the endpoint, variant, region or status. Against AWS, what its APIs do not have is left out.",
		example: "  bellows variants\n  bellows variants iris --state degraded\n  bellows variants --sort load --limit 10 --watch",
		args:    cobra.MaximumNArgs(1), complete: completeVariants,
		flags: func(c *cobra.Command) {
			c.Flags().StringVar(&q.State, "state", "", "only those that are failing, degraded, in_alarm, warned or changing")
			c.Flags().StringVar(&q.Sort, "sort", "", "by name, load, errors or capacity; default: the worst health first")
			c.Flags().IntVar(&q.Limit, "limit", 0, "at most so many; 0: all")
			fixed(c, "state", "failing", "degraded", "in_alarm", "warned", "changing")
			fixed(c, "sort", "name", "load", "errors", "capacity")
		},
		read: func(ctx context.Context, to *client.Client, args []string) (term.Answer, error) {
			q := q
			q.Text = strings.Join(args, "")
			return listing.ListVariants(ctx, to, q)
		},
	}.command()
}

// fixed completes a flag with words that do not depend on a server.
func fixed(c *cobra.Command, flag string, words ...string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}

func instancesCommand() *cobra.Command {
	return list{
		use: "instances ENDPOINT[/VARIANT]", short: "List the instances of an endpoint, with their start-up and why they do not serve",
		long:    "Lists each instance with its state, how long its latest start took and which stage of it took longest. AWS has no API for that.",
		example: "  bellows instances iris\n  bellows instances iris/AllTraffic --watch=1s",
		args:    arguments(1, "ENDPOINT[/VARIANT]"), complete: completeEither,
		read: func(ctx context.Context, to *client.Client, args []string) (term.Answer, error) {
			endpoint, variant, err := ofVariant(args)
			if err != nil {
				return term.Answer{}, err
			}
			return listing.Instances(ctx, to, endpoint, variant)
		},
	}.command()
}

func alarmsCommand() *cobra.Command {
	q := listing.AlarmsQuery{}
	return list{
		use: "alarms [NAME…]", short: "List alarms with their states and reasons, or some with their history",
		long:    "Lists metric alarms and composite alarms. With names: those, each with what happened to it.",
		example: "  bellows alarms --state ALARM\n  bellows alarms --endpoint iris\n  bellows alarms TargetTracking-endpoint/iris/variant/AllTraffic-AlarmHigh-… --history 20",
		args:    cobra.ArbitraryArgs, complete: completeAlarms,
		flags: func(c *cobra.Command) {
			c.Flags().StringVar(&q.State, "state", "", "only those in the state OK, ALARM or INSUFFICIENT_DATA")
			c.Flags().StringVar(&q.Endpoint, "endpoint", "", "only those that watch metrics of an endpoint, or invoke its policies")
			c.Flags().IntVar(&q.History, "history", 10, "entries of the history of each alarm that is named; 1 to 100")
			fixed(c, "state", "OK", "ALARM", "INSUFFICIENT_DATA")
		},
		read: func(ctx context.Context, to *client.Client, args []string) (term.Answer, error) {
			q := q
			q.Names = args
			return listing.Alarms(ctx, to, q)
		},
	}.command()
}

func schedulesCommand() *cobra.Command {
	return list{
		use: "schedules [ENDPOINT[/VARIANT]]", short: "List scheduled actions",
		example: "  bellows schedules\n  bellows schedules iris/AllTraffic --json",
		args:    cobra.MaximumNArgs(1), complete: completeEither,
		read: func(ctx context.Context, to *client.Client, args []string) (term.Answer, error) {
			endpoint, variant, err := ofVariant(args)
			if err != nil {
				return term.Answer{}, err
			}
			return listing.Schedules(ctx, to, endpoint, variant)
		},
	}.command()
}

func activitiesCommand() *cobra.Command {
	var q listing.ActivitiesQuery
	return list{
		use: "activities [ENDPOINT[/VARIANT]]", short: "List scaling activities with their causes, the newest first",
		long:    "Lists what scaled, and why. `bellows explain` has every number of a decision.",
		example: "  bellows activities iris\n  bellows activities --not-scaled --limit 50\n  bellows activities --watch",
		args:    cobra.MaximumNArgs(1), complete: completeEither,
		flags: func(c *cobra.Command) {
			c.Flags().BoolVar(&q.NotScaled, "not-scaled", false, "also what did not scale, with the reasons")
			c.Flags().IntVar(&q.Limit, "limit", 20, "at most so many, the newest; 0: all")
		},
		read: func(ctx context.Context, to *client.Client, args []string) (term.Answer, error) {
			q := q
			var err error
			if q.Endpoint, q.Variant, err = ofVariant(args); err != nil {
				return term.Answer{}, err
			}
			return listing.Activities(ctx, to, q)
		},
	}.command()
}

func metricsCommand() *cobra.Command {
	q := listing.MetricsQuery{}
	since := span(3 * time.Hour)
	until := ""
	return list{
		use: "metrics [ENDPOINT[/VARIANT]]", short: "Draw metrics of a variant, or list the metrics that there are",
		long: "Draws a chart of each metric: invocations, the model's latency (p99) and CPU where none is named. Without a variant it lists metrics.\n" +
			"Any metric is drawn with --namespace, --metric and --dimension. Times are UTC, in policy time.",
		example: "  bellows metrics iris/AllTraffic --since 6h\n  bellows metrics iris --metric ModelLatency --stat p50 --watch\n" +
			"  bellows metrics --namespace App --metric Queue --dimension Site=A --json",
		args: cobra.MaximumNArgs(1), complete: completeEither,
		flags: func(c *cobra.Command) {
			c.Flags().StringVar(&q.Metric, "metric", "", "metrics, with commas between: "+strings.Join(listing.KnownMetrics(), ", "))
			c.Flags().StringVar(&q.Statistic, "stat", "", "Average, Sum, Minimum, Maximum, SampleCount or a percentile such as p99.9; default: the metric's usual one")
			c.Flags().StringVar(&q.Namespace, "namespace", "", "namespace of a metric that is none of a variant, or of those that are listed")
			c.Flags().StringArrayVar(&q.Dimensions, "dimension", nil, "NAME=VALUE of such a metric; may be repeated")
			c.Flags().Var(&since, "since", "how far back, such as 90m or 2d")
			c.Flags().StringVar(&until, "until", "", "the end, as explain's --at; default: now")
			c.Flags().DurationVar(&q.Period, "period", 0, "of the datapoints; default: so that the chart shows each")
			fixed(c, "metric", listing.KnownMetrics()...)
		},
		read: func(ctx context.Context, to *client.Client, args []string) (term.Answer, error) {
			q := q
			var err error
			if q.Until, err = explain.ParseMoment(until); err != nil {
				return term.Answer{}, &usageError{fmt.Errorf("--until: %w", err)}
			}
			if q.Since = time.Duration(since); q.Since <= 0 {
				return term.Answer{}, &usageError{fmt.Errorf("--since is %s; want more than 0", q.Since)}
			}
			if len(args) == 0 && q.Metric == "" {
				return listing.MetricNames(ctx, to, q.Namespace)
			}
			if q.Namespace == "" {
				if q.Endpoint, q.Variant, err = ofVariant(args); err == nil && q.Endpoint == "" {
					err = &usageError{fmt.Errorf("--metric needs ENDPOINT[/VARIANT], or --namespace and --dimension")}
				}
				if err == nil {
					q.Variant, err = listing.OneVariant(ctx, to, q.Endpoint, q.Variant)
				}
			}
			if err != nil {
				return term.Answer{}, err
			}
			return listing.Metrics(ctx, to, q)
		},
	}.command()
}
