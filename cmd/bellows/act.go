package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/act"
	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/listing"
	"bellows.dev/bellows/internal/term"
)

func scaleCommand() *cobra.Command {
	var x connection
	var o output
	var bounds [2]int
	var wait bool
	c := &cobra.Command{
		Use: "scale ENDPOINT[/VARIANT] [INSTANCES]", Short: "Set the instances of a variant by hand, or the range that policies scale in",
		Long: "INSTANCES sets the desired capacity (UpdateEndpointWeightsAndCapacities); policies change it again. --min and --max make the variant a scalable\n" +
			"target, or change its range (RegisterScalableTarget). --wait returns when the endpoint is in service again.",
		Example: "  bellows scale iris 3 --wait\n  bellows scale iris/AllTraffic --min 1 --max 8",
		Args:    usage(arguments(2, "ENDPOINT[/VARIANT]")),
	}
	x.add(c)
	c.Flags().BoolVar(&o.json, "json", false, "JSON")
	c.Flags().IntVar(&bounds[0], "min", 0, "the least instances")
	c.Flags().IntVar(&bounds[1], "max", 0, "the most instances")
	c.Flags().BoolVar(&wait, "wait", false, "wait until the endpoint is in service")
	c.ValidArgsFunction = x.completing(completeEither)
	c.RunE = func(c *cobra.Command, args []string) error {
		var q act.Scaling
		var err error
		if q.Endpoint, q.Variant, err = ofVariant(args); err != nil {
			return err
		}
		if len(args) == 2 {
			n, err := strconv.Atoi(args[1])
			if err != nil || n < 0 {
				return &usageError{fmt.Errorf("%q is no number of instances: want 0 or more\n%s", args[1], usageHint(c))}
			}
			q.Desired = &n
		}
		for i, to := range []**int{&q.Min, &q.Max} {
			if c.Flags().Changed([]string{"min", "max"}[i]) {
				*to = &bounds[i]
			}
		}
		if q.Desired == nil && q.Min == nil && q.Max == nil {
			return &usageError{fmt.Errorf("there is nothing to change: add INSTANCES, --min or --max\n%s", usageHint(c))}
		}
		return x.calling(func(c *cobra.Command, to *client.Client, _ []string) error {
			if q.Variant, err = listing.OneVariant(c.Context(), to, q.Endpoint, q.Variant); err != nil {
				return err
			}
			done, err := act.Scale(c.Context(), to, q, wait)
			if err != nil {
				return err
			}
			return o.print(c, func(context.Context) (term.Answer, error) { return done.Answer(), nil })
		})(c, args)
	}
	return c
}

func invokeCommand() *cobra.Command {
	var x connection
	var q act.Invocation
	var body string
	var quiet bool
	c := &cobra.Command{
		Use: "invoke ENDPOINT[/VARIANT]", Short: "Send a request to a model and print its answer",
		Long: "Sends the body to the endpoint (InvokeEndpoint) and prints the model's answer on standard output; variant, latency and headers on standard\n" +
			"error. The body is the text of --body, a file with @FILE, or standard input with @- or without --body.",
		Example: "  bellows invoke iris --body '5.1,3.5,1.4,0.2' --content-type text/csv\n  bellows invoke iris --body @rows.json\n  echo '{\"instances\": [[5.1,3.5,1.4,0.2]]}' | bellows invoke iris",
		Args:    usage(arguments(1, "ENDPOINT[/VARIANT]")),
	}
	x.add(c)
	flags := c.Flags()
	flags.StringVar(&body, "body", "@-", "the body, @FILE, or @- for standard input")
	flags.StringVar(&q.ContentType, "content-type", "", "default: application/json for bodies that begin with { or [, else text/csv")
	flags.StringVar(&q.Accept, "accept", "", "the content type that is wanted")
	flags.StringVar(&q.Attributes, "custom-attributes", "", "passed to the model")
	flags.BoolVarP(&quiet, "quiet", "q", false, "only the answer")
	c.ValidArgsFunction = x.completing(completeEither)
	c.RunE = func(c *cobra.Command, args []string) error {
		var err error
		if q.Endpoint, q.Variant, err = ofVariant(args); err != nil {
			return err
		}
		if q.Body, err = readBody(c, body); err != nil {
			return err
		}
		return x.calling(func(c *cobra.Command, to *client.Client, _ []string) error {
			done, err := act.Invoke(c.Context(), to, q)
			if err != nil {
				return err
			}
			if !quiet {
				s := term.NewScreen(c.ErrOrStderr(), os.Getenv)
				fmt.Fprintln(s.Out, s.Paint(term.Faint, term.Clean(fmt.Sprintf("%s, %s, %s", done.Variant, done.Took.Round(10*time.Microsecond), done.ContentType))))
			}
			text := done.Body
			if s := term.NewScreen(c.OutOrStdout(), os.Getenv); s.Terminal() && !strings.HasSuffix(string(text), "\n") {
				text = append(text, '\n')
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		})(c, args)
	}
	return c
}

// bodyMax is the most bytes that a body may have. AWS: InvokeEndpoint, 25 MB.
const bodyMax = 25 << 20

// readBody returns the text of --body, or what it names.
func readBody(c *cobra.Command, body string) ([]byte, error) {
	name, file := strings.CutPrefix(body, "@")
	if !file {
		return []byte(body), nil
	}
	from := c.InOrStdin()
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--body: %w", err)}
		}
		defer f.Close() //nolint:errcheck // it was only read
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, bodyMax+1))
	if err == nil && len(text) > bodyMax {
		err = fmt.Errorf("the body has more than %d bytes", bodyMax)
	}
	return text, err
}
