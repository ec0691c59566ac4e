// Package doctor looks at a set-up, or at an endpoint, for what is wrong, and says how to mend each.
//
//	report := doctor.Examine(ctx, doctor.Subject{Client: c, Dir: dir})
package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/term"
	"bellows.dev/bellows/plural"
)

// Level is how bad a finding is.
type Level string

// Levels.
const (
	OK      Level = "ok"
	Warning Level = "warning" // it works, and probably not as intended
	Bad     Level = "bad"     // it does not work
)

// Finding is what one check found.
type Finding struct {
	Check string `json:"check"` // key, server, clock, disk, descriptors, endpoint, instances, scaling, alarm, start-up or quota
	About string `json:"about,omitempty"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Mend  string `json:"mend,omitempty"` // what to do
}

// Report is what all checks found.
type Report struct {
	Findings []Finding `json:"findings"`
	Warnings int       `json:"warnings"`
	Bad      int       `json:"bad"`
}

// Subject is what is examined.
type Subject struct {
	Client  *client.Client // nil where it cannot be opened: Failure says why
	Failure error

	Dir      string // the data directory, where it is one of this machine; "" otherwise
	Endpoint string // only this one's variants; "" for all

	Descriptors func() (limit uint64, ok bool)                 // of open files, of processes that are started here; nil: not examined
	Space       func(dir string) (free, all uint64, err error) // of the disk of a directory; nil: not examined
}

// Err returns an error where something was found.
func (r Report) Err() error {
	if r.Bad+r.Warnings == 0 {
		return nil
	}
	return fmt.Errorf("found %s and %s", plural.Of(r.Bad, "fault"), plural.Of(r.Warnings, "warning"))
}

// Answer is what a command prints.
func (r Report) Answer() term.Answer {
	a := term.Answer{JSON: r}
	for _, f := range r.Findings {
		mark, tone := "✓", term.OK
		switch f.Level {
		case Warning:
			mark, tone = "!", term.Warning
		case Bad:
			mark, tone = "✗", term.Bad
		case OK:
		}
		a.Blocks = append(a.Blocks, finding{mark, tone, f})
	}
	return a
}

// finding is a finding as people read it.
type finding struct {
	mark string
	tone term.Tone
	Finding
}

// Write implements term.Block.
func (f finding) Write(s *term.Screen) error {
	about := f.Check
	if f.About != "" {
		about += " " + f.About
	}
	if _, err := fmt.Fprintf(s.Out, "%s %s  %s\n", s.Paint(f.tone, f.mark), s.Paint(term.Bold, term.Clean(about)), term.Clean(f.Text)); err != nil {
		return err
	}
	if f.Mend == "" {
		return nil
	}
	_, err := fmt.Fprintf(s.Out, "    → %s\n", term.Clean(f.Mend))
	return err
}

// examination gathers findings.
type examination struct {
	Subject
	Report
}

func (x *examination) add(check, about string, l Level, text, mend string) {
	switch l {
	case Warning:
		x.Warnings++
	case Bad:
		x.Bad++
	case OK:
	}
	x.Findings = append(x.Findings, Finding{check, about, l, text, mend})
}

// Examine runs all checks. Those that need what an earlier one did not find are left out. The worst findings come first.
func Examine(ctx context.Context, s Subject) Report {
	x := &examination{Subject: s, Report: Report{Findings: []Finding{}}}
	x.machine()
	if x.server(ctx) {
		x.endpoints(ctx)
	}
	slices.SortStableFunc(x.Findings, func(a, b Finding) int { return rank(a.Level) - rank(b.Level) })
	return x.Report
}

func rank(l Level) int {
	return slices.Index([]Level{Bad, Warning, OK}, l)
}

// Limits below which a machine is warned of.
const (
	descriptorsMin = 4096        // open files: connections of clients and to instances
	freeMin        = 1 << 30     // bytes of disk space
	skewMax        = time.Minute // AWS: signatures are refused at 5 minutes
)

// machine examines what belongs to this machine.
func (x *examination) machine() {
	if x.Descriptors != nil {
		if limit, ok := x.Descriptors(); ok && limit < descriptorsMin {
			x.add("descriptors", "", Warning, fmt.Sprintf("processes that are started here may open %d files; a server needs one for each connection", limit),
				fmt.Sprintf("Run `ulimit -n %d` before `bellows serve`, or set LimitNOFILE= of its unit.", 16*descriptorsMin))
		} else if ok {
			x.add("descriptors", "", OK, fmt.Sprintf("processes may open %d files", limit), "")
		}
	}
	if x.Dir == "" || x.Space == nil {
		return
	}
	free, all, err := x.Space(x.Dir)
	switch {
	case err != nil:
		x.add("disk", x.Dir, Bad, err.Error(), "Check the path and its permissions.")
	case free < freeMin:
		x.add("disk", x.Dir, Bad, fmt.Sprintf("%d MiB of %d MiB are free; changes are refused when the disk is full", free>>20, all>>20),
			"Free space, or lower history_max: and explain_max: in bellows.yaml.")
	default:
		x.add("disk", x.Dir, OK, fmt.Sprintf("%d GiB are free", free>>30), "")
	}
}

// server examines whether the server answers, knows the key, and has the same time.
func (x *examination) server(ctx context.Context) bool {
	if x.Client == nil {
		x.add("server", x.Dir, Bad, x.Failure.Error(), client.Next(x.Failure))
		return false
	}
	name := x.Client.Name()
	if x.Client.AWS() {
		if _, err := x.Client.SageMaker.ListEndpoints(ctx, nil); err != nil {
			err = client.Plain(err)
			x.add("key", name, Bad, err.Error(), client.Next(err))
			return false
		}
		x.add("key", name, OK, "AWS knows the key", "")
		return true
	}
	clock, err := x.Client.Clock(ctx)
	if err != nil {
		err = client.Plain(err)
		x.add("server", name, Bad, err.Error(), client.Next(err))
		return false
	}
	x.add("server", name, OK, "answers", "")
	known := true
	if err := x.Client.Read(ctx, "session", nil, &struct{}{}); err != nil {
		known = false
		x.add("key", name, Bad, "the server does not know the key, or its secret: "+err.Error(),
			"`eval \"$(bellows env)\"` sets the key of a data directory; `bellows keys list` lists the keys.")
	} else {
		x.add("key", name, OK, "the server knows it", "")
	}
	switch skew := clock.Abs(); {
	case skew > skewMax:
		x.add("clock", name, Bad, fmt.Sprintf("it differs from this machine's by %s; signatures are refused from 5 minutes on", skew.Round(time.Second)),
			"Set both clocks by NTP (timedatectl set-ntp true).")
	default:
		x.add("clock", name, OK, "agrees with this machine's", "")
	}
	return known
}
