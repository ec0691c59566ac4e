package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/listing"
	"bellows.dev/bellows/internal/term"
)

// connection is the flags that say what a command calls.
type connection struct{ client.Options }

// add adds the flags to a command and those below it.
func (x *connection) add(c *cobra.Command) {
	flags := c.PersistentFlags()
	flags.StringVar(&x.Dir, "data-dir", defaultDataDir, "data directory of the server")
	flags.StringVar(&x.Region, "region", "", "region of what is called; default: the server's")
	flags.StringVar(&x.EndpointURL, "endpoint-url", "", "call the server at this URL, with AWS's credentials of the environment; default: AWS_ENDPOINT_URL")
	flags.StringVar(&x.Profile, "profile", "", "use this profile of AWS's configuration files: it calls AWS, or the endpoint_url that it has")
	flags.BoolVar(&x.AWS, "aws", false, "call AWS itself, with the credentials of the environment")
	c.MarkFlagsMutuallyExclusive("data-dir", "endpoint-url")
	c.MarkFlagsMutuallyExclusive("data-dir", "profile")
	c.MarkFlagsMutuallyExclusive("data-dir", "aws")
	c.MarkFlagsMutuallyExclusive("endpoint-url", "aws")
}

// open returns the client that the flags select. AWS_ENDPOINT_URL counts where no flag does: `bellows env` sets it. Other variables of AWS's alone
// never make a command call AWS.
func (x *connection) open(c *cobra.Command) (*client.Client, error) {
	o := x.Options
	if o.EndpointURL == "" && o.Profile == "" && !o.AWS && !c.Flags().Changed("data-dir") {
		o.EndpointURL = os.Getenv("AWS_ENDPOINT_URL")
	}
	return client.Open(c.Context(), o)
}

// advised returns an error of a call as people read it, with what to do about it.
func advised(err error) error {
	plain := client.Plain(err)
	if next := client.Next(plain); next != "" {
		return fmt.Errorf("%w\n%s", plain, next)
	}
	return plain
}

// calling returns a RunE that opens the client and calls f.
func (x *connection) calling(f func(c *cobra.Command, to *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		to, err := x.open(c)
		if err != nil {
			return advised(err)
		}
		return advised(f(c, to, args))
	}
}

// output is the flags that say how an answer is printed.
type output struct {
	json  bool
	watch time.Duration
}

// watchEvery is how often --watch reads again.
const watchEvery = 2 * time.Second

// watchLeast is how often it does at most.
const watchLeast = 100 * time.Millisecond

func (o *output) add(c *cobra.Command) {
	c.Flags().BoolVar(&o.json, "json", false, "JSON; docs/cli.md has its schema")
	c.Flags().DurationVar(&o.watch, "watch", 0, "print again at this interval, "+watchEvery.String()+" if none is given, until Ctrl-C; with --json, one document a line")
	c.Flags().Lookup("watch").NoOptDefVal = watchEvery.String()
}

// print prints the answer that read returns, once or again and again.
func (o *output) print(c *cobra.Command, read func(context.Context) (term.Answer, error)) error {
	s := term.NewScreen(c.OutOrStdout(), os.Getenv)
	if c.Flags().Changed("watch") {
		if o.watch < watchLeast {
			return &usageError{fmt.Errorf("--watch is %s; want at least %s", o.watch, watchLeast)}
		}
		return term.Repeat(c.Context(), s, o.watch, o.json, read)
	}
	a, err := read(c.Context())
	if err != nil {
		return err
	}
	return a.Write(s, o.json)
}

// list is a command that reads something and prints it.
type list struct {
	use, short, long, example string

	args     cobra.PositionalArgs
	complete completer
	flags    func(*cobra.Command)
	read     func(ctx context.Context, to *client.Client, args []string) (term.Answer, error)
}

// command returns the command.
func (l list) command() *cobra.Command {
	var x connection
	var o output
	c := &cobra.Command{Use: l.use, Short: l.short, Long: l.long, Example: l.example, Args: usage(l.args)}
	x.add(c)
	o.add(c)
	if l.flags != nil {
		l.flags(c)
	}
	c.ValidArgsFunction = x.completing(l.complete)
	c.RunE = x.calling(func(c *cobra.Command, to *client.Client, args []string) error {
		return o.print(c, func(ctx context.Context) (term.Answer, error) {
			a, err := l.read(ctx, to, args)
			return a, client.Plain(err)
		})
	})
	return c
}

// usage makes the errors of a check of arguments mistakes on the command line.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		err := check(c, args)
		var mistake *usageError
		if err == nil || errors.As(err, &mistake) {
			return err
		}
		return &usageError{err}
	}
}

// completer returns the words that may stand where a word begins with a text.
type completer func(ctx context.Context, to *client.Client, begin string) ([]string, error)

// completionPatience is how long a shell waits for names.
const completionPatience = time.Second

// completing returns the completion of arguments, by what the server has.
func (x *connection) completing(f completer) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
		if f == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(orBackground(c.Context())), completionPatience)
		defer cancel()
		c.SetContext(ctx)
		to, err := x.open(c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		words, err := f(ctx, to, begin)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// orBackground returns ctx; cobra may complete without one.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// ofVariant parses ENDPOINT[/VARIANT]; no argument is all.
func ofVariant(args []string) (endpoint, variant string, err error) {
	if len(args) == 0 {
		return "", "", nil
	}
	if endpoint, variant, err = explain.ParseVariant(args[0]); err != nil {
		return "", "", &usageError{err}
	}
	return endpoint, variant, nil
}

// Completions by what there is.
func completeEndpoints(ctx context.Context, to *client.Client, begin string) ([]string, error) {
	names, err := listing.EndpointNames(ctx, to, begin)
	return beginning(names, begin), err
}

func completeModels(ctx context.Context, to *client.Client, begin string) ([]string, error) {
	names, err := listing.ModelNames(ctx, to, begin)
	return beginning(names, begin), err
}

func completeAlarms(ctx context.Context, to *client.Client, begin string) ([]string, error) {
	names, err := listing.AlarmNames(ctx, to, begin)
	return names, err
}

// completeVariants completes ENDPOINT/VARIANT.
func completeVariants(ctx context.Context, to *client.Client, begin string) ([]string, error) {
	found, err := listing.ReadVariants(ctx, to, listing.VariantsQuery{Text: begin, Limit: 1000})
	var names []string
	for _, v := range found.Variants {
		names = append(names, v.Endpoint+"/"+v.Variant)
	}
	return beginning(names, begin), err
}

// completeEither completes ENDPOINT and, behind a slash, ENDPOINT/VARIANT.
func completeEither(ctx context.Context, to *client.Client, begin string) ([]string, error) {
	endpoints, err := completeEndpoints(ctx, to, begin)
	if err == nil && len(endpoints) > 0 {
		return endpoints, nil
	}
	return completeVariants(ctx, to, begin)
}
