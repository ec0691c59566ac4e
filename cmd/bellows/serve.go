package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bellows.dev/bellows/internal/config"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/server"
	"bellows.dev/bellows/internal/shellenv"
	"bellows.dev/bellows/scaling"
)

// Defaults of the command line.
const (
	defaultListen  = "127.0.0.1:4580"
	defaultDataDir = "./bellows-data"
)

// Values of --auth.
const (
	authSigV4 = "sigv4"
	authNone  = "none"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	dir, listen, config, auth, level, format, retention string
	speed                                               float64
	keep                                                bool
	tls                                                 string
}

func serveCommand(types scaling.Types) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve models and scale them, through the APIs of AWS, on one port",
		Long: "Answers the APIs of SageMaker, SageMaker Runtime, Application Auto Scaling, EC2 Auto Scaling and CloudWatch.\n" +
			"The first start makes an access key in the data directory. Point any AWS client at it with:\n\n  eval \"$(bellows env --data-dir ./bellows-data)\"",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options()
			if err != nil {
				return err
			}
			signals, restore := reloadSignals()
			defer restore()
			o.Reloads, o.Hurry, o.Policies = signals, hurrySignals, types
			s, err := server.New(cmd.Context(), o)
			if err != nil {
				return err
			}
			if _, created := s.Key(); created || term.IsTerminal(int(os.Stderr.Fd())) {
				cmd.PrintErr(f.hint(s))
			}
			return s.Run(cmd.Context(), f.keep)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.listen, "listen", defaultListen, "address and port")
	flags.StringVar(&f.dir, "data-dir", defaultDataDir, "where the journal, the keys and the instances' files are")
	flags.StringVar(&f.config, "config", "", "bellows.yaml: images, account, region, time-outs")
	flags.Float64Var(&f.speed, "clock-speed", 1, "how many seconds of policy time pass in a second")
	flags.StringVar(&f.auth, "auth", authSigV4, "sigv4, or none (on a loopback address only)")
	flags.StringVar(&f.tls, "tls", "", "off, internal (an authority of the server's own, for loopback and private names), files or auto (ACME);\ndefault: tls.mode of bellows.yaml, or off")
	flags.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&f.format, "log-format", logAuto, "auto (short lines on a terminal, else text), text or json")
	flags.StringVar(&f.retention, "retention", "", "how long metrics' datapoints are kept, by their resolution; default "+history.DefaultRetention().String())
	flags.BoolVar(&f.keep, "keep-instances", false, "leave instances running on a clean stop, for the next server to adopt")
	return c
}

// hint returns how to use a server from a shell and with a browser.
func (f serveFlags) hint(s *server.Server) string {
	env := "bellows env"
	if f.dir != defaultDataDir {
		env += " --data-dir " + shellenv.Quoted(f.dir)
	}
	key, created := s.Key()
	page := fmt.Sprintf("%s/ (sign in with %s and the secret that `%s` prints)", s.URL(), key.AccessKeyID, env)
	if f.auth == authNone {
		page = fmt.Sprintf("%s/ (without a key: --auth none)", s.URL())
	}
	made := ""
	if created {
		made = "Made an access key in " + f.dir + ".\n"
	}
	return fmt.Sprintf("%sTo use it:   eval \"$(%s)\"\nIts console: %s\n", made, env, page)
}

// reloadSignals subscribes to the signal that asks for the configuration to be read again. A terminal that is closed sends the same signal and
// breaks the pipe of the log: neither ends the server.
func reloadSignals() (reloads <-chan os.Signal, restore func()) {
	hangups, broken := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	signal.Notify(broken, syscall.SIGPIPE) // received and dropped: an ignored signal would be ignored by model servers as well
	return hangups, func() {
		signal.Stop(hangups)
		signal.Stop(broken)
	}
}

// hurrySignals subscribes to the signals that ask for a stop, while the server is stopping.
func hurrySignals() (again <-chan os.Signal, restore func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return signals, func() {
		signal.Stop(signals)
		signal.Reset(os.Interrupt, syscall.SIGTERM)
	}
}

// readConfig reads the configuration and applies the flags that override it.
func (f serveFlags) readConfig() (config.Config, error) {
	c, err := config.Read(f.config)
	if err != nil {
		return c, err
	}
	if f.tls != "" {
		c.TLS.Mode = f.tls
		if err := c.TLS.Check(); err != nil {
			return config.Config{}, fmt.Errorf("--tls: %w", err)
		}
	}
	if f.retention == "" {
		return c, nil
	}
	if _, err := history.ParseRetention(f.retention); err != nil {
		return config.Config{}, fmt.Errorf("--retention: %w", err)
	}
	c.Retention = f.retention
	return c, nil
}

func (f serveFlags) options() (server.Options, error) {
	c, err := f.readConfig()
	if err != nil {
		return server.Options{}, err
	}
	log, err := newLog(f.level, f.format)
	if err != nil {
		return server.Options{}, err
	}
	if err := validClockSpeed(f.speed); err != nil {
		return server.Options{}, err
	}
	if f.auth != authSigV4 && f.auth != authNone {
		return server.Options{}, fmt.Errorf("--auth is %q; want sigv4 or none", f.auth)
	}
	if _, _, err := net.SplitHostPort(f.listen); err != nil {
		return server.Options{}, fmt.Errorf("--listen is %q; want ADDRESS:PORT, such as 127.0.0.1:4580, or :PORT", f.listen)
	}
	if f.auth == authNone {
		if err := loopback(f.listen); err != nil {
			return server.Options{}, err
		}
	}
	o := server.Options{Dir: f.dir, Listen: f.listen, Speed: f.speed, NoAuth: f.auth == authNone, Config: c, Log: log}
	if f.config != "" {
		o.Read = f.readConfig
	}
	return o, nil
}

// validClockSpeed refuses a speed that no policy clock can run at; NaN fails both comparisons.
func validClockSpeed(speed float64) error {
	if speed > 0 && speed <= 1000 {
		return nil
	}
	return fmt.Errorf("--clock-speed is %v; want more than 0 and at most 1000", speed)
}

// loopback refuses an address that other machines can reach.
func loopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return errors.New("--auth none lets everybody do everything: it is for a loopback address only, such as 127.0.0.1")
}
