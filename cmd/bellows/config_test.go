package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestImages(t *testing.T) {
	c, err := parseConfig([]byte("images:\n- image: 123.dkr.ecr.eu.amazonaws.com/chat:*\n  command: [python3, chat.py]\n- image: any/?\n  command: [x]\nkill_after: 3s\n"))
	if err != nil || time.Duration(c.KillAfter) != 3*time.Second || c.Region != "us-east-1" {
		t.Fatalf("%+v, %v", c, err)
	}
	for image, want := range map[string]string{
		"123.dkr.ecr.eu.amazonaws.com/chat:v1/x": "python3 chat.py", "any/y": "x", "any/yy": "!", "chat": "!",
		"bellows/demo-model": "demo-model", "bellows/demo-model:latest": "demo-model", "bellows/demo-models": "!",
	} {
		command, err := c.command(image)
		if got := strings.Join(command, " "); !strings.HasSuffix(got, want) && (want != "!" || err == nil || !strings.Contains(err.Error(), "Map it under images:")) {
			t.Errorf("%s: %q, %v; want %q", image, got, err, want)
		}
	}
}

func TestConfigMistakesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"imagse: []": "imagse", "account: 12": "twelve digits", "kill_after: soon": "no duration", "drain_timeout: -1s": "no duration",
		"images: [{image: a}]": "wants an image and a command", "webhooks: [{topic: a, url: ftp://x}]": "http or https url", "images: [{image: '[', command: [x]}]": "no pattern", ":": "",
	} {
		if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestRemoteWriteMistakesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"{}": "http or https url", "{url: ftp://x}": "http or https url", "{url: 'http://u:p@x'}": "under basic_auth",
		"{url: http://x, headers: {'a b': c}}": "no header", "{url: http://x, headers: {a: \"b\\nc\"}}": "no header", "{url: http://x, basic_auth: {password: p}}": "wants a username",
		"{url: http://x, basic_auth: {username: u, password: p, password_file: f}}":      "a password or a password_file",
		"{url: http://x, headers: {authorization: Bearer x}, basic_auth: {username: u}}": "both",
		"{url: http://x, queue: 3}": "queue",
	} {
		if _, err := parseConfig([]byte("remote_write: [" + text + "]")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := parseConfig([]byte("remote_write:\n- url: https://x/api/v1/write\n  headers: {X-Scope-OrgID: a}\n  basic_auth: {username: u, password_file: " + file + "}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d, err := c.RemoteWrite[0].destination(); err != nil || d.Username != "u" || d.Password != "secret" || d.Headers["X-Scope-OrgID"] != "a" {
		t.Errorf("%+v, %v", d, err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("images:\n- image: a*\n  command: [b]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseConfig([]byte(text)); err == nil {
			_, _ = c.command("a/b")
		}
	})
}

func TestOnlyLoopbackGoesWithoutAuthentication(t *testing.T) {
	for listen, ok := range map[string]bool{
		"127.0.0.1:0": true, "localhost:4580": true, "[::1]:1": true, "0.0.0.0:1": false, ":4580": false, "10.0.0.1:1": false, "nonsense": false,
	} {
		if err := loopback(listen); (err == nil) != ok {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

// The example says that it holds the defaults, images aside.
func TestExampleIsTheDefaults(t *testing.T) {
	got, err := readConfig("../../examples/bellows.yaml")
	if err != nil || len(got.Images) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	got.Images = nil
	if want := defaults(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}
