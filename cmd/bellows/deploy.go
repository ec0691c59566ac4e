package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/deploy"
	screen "bellows.dev/bellows/internal/term"
)

func deployCommand() *cobra.Command {
	var x connection
	var s deploy.Spec
	var instances string
	var env []string
	var asJSON bool
	c := &cobra.Command{
		Use: "deploy [MODEL]", Short: "Make an endpoint of a model, with scaling, in one go; or update it",
		Long: "Makes the model, the endpoint configuration and the endpoint, waits until it is in service, and makes it a scalable target with a policy that\n" +
			"keeps so many invocations a minute and instance. MODEL is a folder or an archive of model data, or an s3:// or file:// URI of one. Without\n" +
			"--image the built-in model is deployed. The images that the server can run are those of its bellows.yaml. An endpoint that is there is\n" +
			"updated: its instances are replaced when the new ones are in service.\n\n" +
			"It prints what it waits for. Where it fails, it prints the end of the instance's log, and undoes all that it made; so it does at Ctrl-C. A second\n" +
			"Ctrl-C ends it at once, and it says what is left.",
		Example: "  bellows deploy --name iris\n  bellows deploy ./model --image my-server --instances 1..4 --target 600\n" +
			"  bellows deploy s3://models/churn/ --image my-server --env THREADS=4 --instance-type ml.m5.large",
		Args: usage(cobra.MaximumNArgs(1)),
	}
	x.add(c)
	flags := c.Flags()
	flags.StringVar(&s.Name, "name", "", "of the endpoint; default: the name of MODEL, or iris for the built-in model")
	flags.StringVar(&s.Image, "image", "", "image of the model server; default: "+deploy.DemoImage)
	flags.StringVar(&instances, "instances", "1", "how many, or MIN..MAX for a scalable target")
	flags.Float64Var(&s.Target, "target", 0, "invocations a minute of one instance that a policy keeps; default: no policy")
	flags.StringVar(&s.Variant, "variant", deploy.DefaultVariant, "of the endpoint")
	flags.StringVar(&s.Type, "instance-type", deploy.DefaultType, "of the instances")
	flags.StringVar(&s.Role, "role", "", "ARN of the execution role; AWS requires one")
	flags.StringArrayVar(&env, "env", nil, "NAME=VALUE for the model server; may be repeated")
	flags.DurationVar(&s.StartupTimeout, "startup-timeout", 0, "until an instance has to answer /ping; default: the server's")
	flags.BoolVar(&asJSON, "json", false, "print the result as JSON; progress is on standard error")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := completeSpec(&s, args, instances, env); err != nil {
			return &usageError{fmt.Errorf("%w\n%s", err, usageHint(c))}
		}
		return x.calling(func(c *cobra.Command, to *client.Client, _ []string) error {
			d, err := deploy.New(to, s)
			if err != nil {
				return &usageError{fmt.Errorf("%w\n%s", err, usageHint(c))}
			}
			hurry, restore := secondSignal(c.Context())
			defer restore()
			d.Hurry = hurry
			r, err := d.Run(c.Context(), progress(c))
			if err != nil {
				return err
			}
			return printDeployed(c, r, asJSON)
		})(c, args)
	}
	return c
}

// completeSpec reads what the command line says of a deployment.
func completeSpec(s *deploy.Spec, args []string, instances string, env []string) (err error) {
	if len(args) == 1 {
		if s.ModelData, err = deploy.DataURI(args[0], existing); err != nil {
			return err
		}
	}
	if s.Name == "" {
		s.Name = "iris"
		if len(args) == 1 {
			s.Name = nameOf(args[0])
		}
	}
	least, most, found := strings.Cut(instances, "..")
	if !found {
		most = least
	}
	var errs [2]error
	s.Min, errs[0] = strconv.Atoi(least)
	s.Max, errs[1] = strconv.Atoi(most)
	if errors.Join(errs[:]...) != nil {
		return fmt.Errorf("--instances is %q; want a number, or MIN..MAX such as 1..4", instances)
	}
	s.Environment = map[string]string{}
	for _, e := range env {
		name, value, found := strings.Cut(e, "=")
		if !found || name == "" {
			return fmt.Errorf("--env is %q; want NAME=VALUE", e)
		}
		s.Environment[name] = value
	}
	return nil
}

// existing returns the absolute path of a file or folder that exists.
func existing(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(full)
	}
	return full, err
}

// notOfNames matches what names of endpoints do not have.
var notOfNames = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// nameOf derives the name of an endpoint from that of its model data.
func nameOf(model string) string {
	base := filepath.Base(strings.TrimSuffix(model, "/"))
	if full, err := filepath.Abs(model); err == nil && (base == "." || base == "..") {
		base = filepath.Base(full)
	}
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".tgz"), ".tar.gz")
	return strings.Trim(notOfNames.ReplaceAllString(base, "-"), "-")
}

// secondSignal returns a channel that is closed by the next interrupt after ctx has ended by the first.
func secondSignal(ctx context.Context) (again <-chan struct{}, restore func()) {
	closed, done, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
		case <-done:
			return
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(signals)
		select {
		case <-signals:
			close(closed)
		case <-done:
		}
	}()
	return closed, func() { close(done); <-ended }
}

// progress prints events on standard error, a line each.
func progress(c *cobra.Command) func(deploy.Event) {
	s := screen.NewScreen(c.ErrOrStderr(), os.Getenv)
	began := time.Now()
	marks := map[deploy.Kind]struct {
		tone screen.Tone
		mark string
		verb string
	}{
		deploy.Started: {screen.Faint, "·", ""}, deploy.Waiting: {screen.Warning, "…", ""}, deploy.Done: {screen.OK, "✓", ""}, deploy.Failed: {screen.Bad, "✗", ""},
		deploy.Undoing: {screen.Faint, "·", "undoing "}, deploy.Undone: {screen.OK, "✓", "undone: "}, deploy.Left: {screen.Bad, "!", "left: "},
	}
	return func(e deploy.Event) {
		m := marks[e.Kind]
		text := m.verb + e.Step
		if e.Text != "" {
			text += ": " + e.Text
		}
		fmt.Fprintf(s.Out, "%s %s %s\n", s.Paint(screen.Faint, fmt.Sprintf("%6.1fs", e.At.Sub(began).Seconds())), s.Paint(m.tone, m.mark), screen.Clean(text))
		for _, line := range e.Lines {
			fmt.Fprintf(s.Out, "          %s %s\n", s.Paint(screen.Faint, "│"), screen.Clean(line))
		}
	}
}

func printDeployed(c *cobra.Command, r deploy.Result, asJSON bool) error {
	if asJSON {
		return screen.WriteJSON(c.OutOrStdout(), r)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "%s is in service after %.1fs. Try it: bellows invoke %s; watch it: bellows top\n", r.Endpoint, r.Seconds, r.Endpoint)
	return err
}

func rollbackCommand() *cobra.Command {
	var x connection
	var to string
	var asJSON bool
	c := &cobra.Command{
		Use: "rollback ENDPOINT", Short: "Return an endpoint to the configuration that it had before its last deployment",
		Long: "Updates the endpoint to the configuration that it had before `bellows deploy` changed it last, or to another with --to, and waits until it is in\n" +
			"service. The number of instances stays as it is. A second rollback returns to where the first began.",
		Example: "  bellows rollback iris\n  bellows rollback iris --to iris-20261128-103000",
		Args:    usage(arguments(1, "ENDPOINT")),
	}
	x.add(c)
	c.Flags().StringVar(&to, "to", "", "name of an endpoint configuration")
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON; progress is on standard error")
	c.ValidArgsFunction = x.completing(completeEndpoints)
	c.RunE = x.calling(func(c *cobra.Command, server *client.Client, args []string) error {
		r, err := deploy.Rollback(c.Context(), server, args[0], to, progress(c))
		if err != nil {
			return err
		}
		if asJSON {
			return screen.WriteJSON(c.OutOrStdout(), r)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s is back at %s\n", r.Endpoint, r.Config)
		return err
	})
	return c
}

func deleteCommand() *cobra.Command {
	var x connection
	var yes, only, dry, asJSON bool
	c := &cobra.Command{
		Use: "delete ENDPOINT", Short: "Delete an endpoint with all that only it uses",
		Long: "Deletes the endpoint's scalable targets with their policies, alarms and scheduled actions, the endpoint, and those endpoint configurations and\n" +
			"models of it that nothing else uses. It lists them first, and asks on a terminal; elsewhere it wants --yes.",
		Example: "  bellows delete iris\n  bellows delete iris --dry-run --json\n  bellows delete iris --yes --endpoint-only",
		Args:    usage(arguments(1, "ENDPOINT")),
	}
	x.add(c)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&only, "endpoint-only", false, "keep the endpoint configurations and models")
	c.Flags().BoolVar(&dry, "dry-run", false, "only list what would be deleted")
	c.Flags().BoolVar(&asJSON, "json", false, "print what is deleted as JSON; progress is on standard error")
	c.ValidArgsFunction = x.completing(completeEndpoints)
	c.RunE = x.calling(func(c *cobra.Command, to *client.Client, args []string) error {
		d, err := deploy.PlanDeletion(c.Context(), to, args[0], only)
		if err != nil {
			return err
		}
		if dry {
			return printDeletion(c, d, asJSON)
		}
		if !yes {
			if err := printDeletion(c, d, false); err != nil {
				return err
			}
			if sure, err := asked(c); !sure {
				return err
			}
		}
		if err := d.Run(c.Context(), progress(c)); err != nil {
			return err
		}
		if asJSON {
			return printDeletion(c, d, true)
		}
		return nil
	})
	return c
}

func printDeletion(c *cobra.Command, d *deploy.Deletion, asJSON bool) error {
	if asJSON {
		return screen.WriteJSON(c.OutOrStdout(), d)
	}
	out := c.OutOrStdout()
	for _, id := range d.Targets {
		fmt.Fprintf(out, "scalable target  %s, with its policies, their alarms and scheduled actions\n", id)
	}
	fmt.Fprintf(out, "endpoint         %s\n", d.Endpoint)
	for _, name := range d.Configs {
		fmt.Fprintf(out, "endpoint config  %s\n", name)
	}
	for _, name := range d.Models {
		fmt.Fprintf(out, "model            %s\n", name)
	}
	return nil
}

// asked asks on a terminal whether to go on.
func asked(c *cobra.Command) (bool, error) {
	in, is := c.InOrStdin().(*os.File)
	if !is || !term.IsTerminal(int(in.Fd())) {
		return false, &usageError{errors.New("nothing is deleted: standard input is no terminal to ask on. Add --yes to delete")}
	}
	c.PrintErr("Delete all of this? [y/N] ")
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		return false, errors.New("nothing is deleted")
	}
	if text := strings.ToLower(strings.TrimSpace(line)); text != "y" && text != "yes" {
		return false, errors.New("nothing is deleted")
	}
	return true, nil
}
