package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// Formats of the log.
const (
	logAuto = "auto" // lines on a terminal, else text
	logText = "text" // key=value
	logJSON = "json"
)

// newLog makes the server's log, on standard error.
func newLog(level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level is %q; want debug, info, warn or error", level)
	}
	o := &slog.HandlerOptions{Level: l}
	switch format {
	case logAuto:
		if term.IsTerminal(int(os.Stderr.Fd())) {
			return slog.New(newLines(os.Stderr, l)), nil
		}
		return slog.New(slog.NewTextHandler(os.Stderr, o)), nil
	case logText:
		return slog.New(slog.NewTextHandler(os.Stderr, o)), nil
	case logJSON:
		return slog.New(slog.NewJSONHandler(os.Stderr, o)), nil
	default:
		return nil, fmt.Errorf("--log-format is %q; want auto, text or json", format)
	}
}

// lines is a slog.Handler of short lines for people: the time of day, the level where it is no info, the message, and what belongs to it.
type lines struct {
	level slog.Level
	attrs []slog.Attr
	group string // prefix of names

	mu  *sync.Mutex
	out io.Writer
}

func newLines(out io.Writer, level slog.Level) *lines {
	return &lines{level: level, mu: &sync.Mutex{}, out: out}
}

// Enabled implements slog.Handler.
func (h *lines) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// WithAttrs implements slog.Handler.
func (h *lines) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = append(h.attrs[:len(h.attrs):len(h.attrs)], h.named(attrs)...)
	return &next
}

// WithGroup implements slog.Handler.
func (h *lines) WithGroup(name string) slog.Handler {
	next := *h
	next.group += name + "."
	return &next
}

func (h *lines) named(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = slog.Attr{Key: h.group + a.Key, Value: a.Value}
	}
	return out
}

// Handle implements slog.Handler.
func (h *lines) Handle(_ context.Context, r slog.Record) error {
	attrs := h.attrs[:len(h.attrs):len(h.attrs)]
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, h.named([]slog.Attr{a})...)
		return true
	})
	var b bytes.Buffer
	b.WriteString(r.Time.Format("15:04:05"))
	if r.Level != slog.LevelInfo {
		b.WriteString(" " + r.Level.String())
	}
	if what, is := happened(r.Message, attrs); is {
		b.WriteString(" " + what)
		attrs = slices.DeleteFunc(slices.Clone(attrs), func(a slog.Attr) bool { return a.Key != "policy_time" })
	} else {
		b.WriteString(" " + r.Message)
	}
	for _, a := range attrs {
		value := a.Value.Resolve().String()
		if strings.ContainsFunc(value, func(r rune) bool { return r == ' ' || r == '"' || r == utf8.RuneError || !strconv.IsPrint(r) }) {
			value = strconv.Quote(value)
		}
		fmt.Fprintf(&b, " %s=%s", a.Key, value)
	}
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.out.Write(b.Bytes())
	return err
}

// happened returns the text of an event of the engine, which says all that its line says.
func happened(message string, attrs []slog.Attr) (what string, is bool) {
	if message != "event" {
		return "", false
	}
	for _, a := range attrs {
		if a.Key == "what" {
			return a.Value.String(), true
		}
	}
	return "", false
}
