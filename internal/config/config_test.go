package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestImages(t *testing.T) {
	c, err := Parse([]byte("images:\n- image: 123.dkr.ecr.eu.amazonaws.com/chat:*\n  command: [python3, chat.py]\n- image: any/?\n  command: [x]\nkill_after: 3s\n"), "/etc/bellows")
	if err != nil || time.Duration(c.KillAfter) != 3*time.Second || c.Region != "us-east-1" {
		t.Fatalf("%+v, %v", c, err)
	}
	for image, want := range map[string]string{
		"123.dkr.ecr.eu.amazonaws.com/chat:v1/x": "python3 chat.py", "any/y": "x", "any/yy": "!", "chat": "!",
		"bellows/demo-model": "demo-model", "bellows/demo-model:latest": "demo-model", "bellows/demo-models": "!",
	} {
		p, err := c.Program(image)
		if got := strings.Join(p.Command, " "); !strings.HasSuffix(got, want) && (want != "!" || err == nil || !strings.Contains(err.Error(), "Map it under images:")) {
			t.Errorf("%s: %q, %v; want %q", image, got, err, want)
		}
	}
}

func TestConfigMistakesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"imagse: []": `line 1: there is no setting "imagse": did you mean "images"?`, "image: []": `line 1: there is no setting "image": did you mean "images"?`, "ping_fails: 3": `did you mean "ping_failures"?`,
		"images: [{image: a, comand: [c]}]": `there is no setting "comand": did you mean "command"?`, "model_data: {store: []}": `did you mean "stores"?`, "webhooks: [{topics: a}]": `did you mean "topic"?`,
		"\nregion: nowhere": `line 2: region "nowhere" does not look like an AWS region, such as us-east-1`, "region: US-EAST-1": `line 1: region "US-EAST-1"`, "region: ''": "line 1: region", "\naccount: 12": `line 2: account "12" is not twelve digits`, "kill_after: soon": `line 1: kill_after: "soon" is not a duration`, "drain_timeout: -1s": "not a duration",
		"images:\n- image: b\n  command: [c]\n- image: a": "line 4: images[1]: an entry needs an image and a command", "webhook_allow: [1.2.3.0/24, x]": `line 1: webhook_allow[1]: "x" is no prefix`, "webhooks: [{topic: a, url: ftp://x}]": "line 1: webhooks[0]: an entry needs a topic and an http or https url",
		"images: [{image: '[', command: [x]}]": "no pattern", ":": "", "a: [": "line 1", "\n\n\thistory_max: 3": "line 3",
		"images: 3": `line 1: images: "3" is not a list`, "payload_max: many": `line 1: payload_max: "many" is not a size such as 8GiB`, "lenient_set_alarm_state: perhaps": `"perhaps" is not true or false`,
		"metrics: yes": `"yes" is not a mapping of settings`, "account: [a]": "a list is not a text", "prometheus:\n  namespace_labels: x": `line 2: there is no setting "namespace_labels"`,
		"region: us-east-1\nregion: us-east-2": "line 2: \"region\" is set twice, first in line 1", "log_max: 3\n\nhistory_max: 3": "line 3: history_max is 3 bytes", "queue_max: {}\nseries_max: x": "line 1: queue_max: a mapping is not a whole number", "history_max: 0GiB": `"0GiB" is not a size`,
		"images:\n- image: a\n  command: [c]\n  env: {'a=b': c}": "line 2: images[0]: env: \"a=b\" is no name of a variable", "images: [{image: a, command: [c], pass_env: ['[']}]": "neither the name of a variable nor a pattern",
		"images: [{image: a, command: c}]": `"c" is not a list such as [python3, server.py]`, "metrics: {token: short}": "line 1: metrics: the token has 5 bytes: want 16 at least", "metrics: {token: a, token_file: b}": "want one of them",
	} {
		if _, err := Parse([]byte(text), "/etc/bellows"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "main.") || strings.Contains(err.Error(), "!!") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// Every mistake of a file is reported at once, by line. What is unreadable in an entry is not reported a second time for what is then missing in it.
func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bellows.yaml")
	text := `region: nowhere
regoin: eu-west-1
kill_after: soon
queue_max: 1.5
images:
- image: a
  comand: [sh]
- image: b
  command: [no-such-program-here]
  cwd: none
  env: {"a=b": c}
- image: c
  command: python3
account: 12
log_max: 3
log_max: 4
webhooks: [{topic: a}, 7]
model_data:
  stores: [{access_key_id: a}, {endpoint: ftp://x}]
  folders: [{prefix: "s3://b/", folder: missing}]
remote_write: [{url: "http://u:p@x", headers: {"a b": c}}]
fleet: cloud
limits: some
metrics: {token_file: gone}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Read(file)
	var all *MistakesError
	if !errors.As(err, &all) || !strings.HasPrefix(err.Error(), file+": 21 mistakes:\n  line 1: region ") {
		t.Fatal(err)
	}
	want := []string{
		`line 1: region "nowhere"`, `line 2: there is no setting "regoin": did you mean "region"?`, `line 3: kill_after: "soon" is not a duration`, `line 4: queue_max: "1.5" is not a whole number`,
		`line 7: there is no setting "comand": did you mean "command"?`, `line 8: images[1]: env: "a=b" is no name`, `line 9: images[1].command: no-such-program-here cannot be run`,
		`line 10: images[1].cwd: `, `line 13: images[2].command: "python3" is not a list`, `line 14: account "12" is not twelve digits`, `line 16: "log_max" is set twice, first in line 15`,
		`line 17: webhooks[1]: "7" is not a mapping of settings`, `line 17: webhooks[0]: an entry needs a topic`, `line 19: model_data: stores[0]: access_key_id and secret_access_key go together`,
		`line 19: model_data: stores[1]: the endpoint "ftp://x"`, `line 20: model_data.folders[0].folder: `, `line 21: remote_write[0]: a user and a password belong under basic_auth`,
		`line 21: remote_write[0]: "a b" is no header`, `line 22: fleet is "cloud"`, `line 23: limits is "some"`, `line 24: reading the token of metrics`,
	}
	for i, m := range all.Mistakes {
		if i >= len(want) || !strings.HasPrefix(m.String(), want[i]) {
			t.Errorf("mistake %d: %s", i, m)
		}
	}
	if len(all.Mistakes) != len(want) {
		t.Errorf("%d mistakes, want %d:\n%v", len(all.Mistakes), len(want), err)
	}
}

// Settings that are included with << are checked as those beside them; what includes itself is refused.
func TestIncludedSettingsAreChecked(t *testing.T) {
	text := "images:\n- &a {image: a, command: [c], cmd: d}\n- {<<: *a, image: b, passenv: [x]}\n- &b {<<: *b, image: c, command: [c]}\n"
	if _, err := Parse([]byte(text), "/etc/bellows"); err == nil || strings.Count(err.Error(), "there is no setting") != 2 {
		t.Error(err)
	}
	c, err := Parse([]byte("images:\n- &a {image: a, command: [c]}\n- {<<: *a, image: b}\n"), "/etc/bellows")
	if err != nil || c.Images[1].Image != "b" || c.Images[1].Command[0] != "c" {
		t.Errorf("%+v, %v", c.Images, err)
	}
	if _, err := Parse([]byte("images:\n- &b {<<: *b, image: c, command: [c]}\n"), "/etc/bellows"); err == nil || !strings.Contains(err.Error(), "contains itself") {
		t.Error(err)
	}
}

// Commands and folders are checked at the start, and are relative to the configuration's folder.
func TestImagesAreLocated(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "models", "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "models", "serve"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "models", "text"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(text string) (Config, error) {
		file := filepath.Join(dir, "models", "bellows.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Read(file)
	}
	c, err := read("images:\n- image: a\n  command: [./serve, ./x]\n  cwd: data\n  env: {A: b}\n  pass_env: [HF_HOME]\n- image: b\n  command: [sh, -c, ls]\n")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Program("a")
	if err != nil || p.Command[0] != filepath.Join(dir, "models", "serve") || p.Command[1] != "./x" || p.Folder != filepath.Join(dir, "models", "data") ||
		p.Env["A"] != "b" || p.PassEnv[0] != "HF_HOME" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := c.Program("b"); err != nil || !filepath.IsAbs(p.Command[0]) || p.Folder != "" {
		t.Errorf("%+v, %v", p, err)
	}
	c, err = read("model_data: {folders: [{prefix: 's3://models/', folder: data}], stores: [{secret_access_key_file: text, access_key_id: a}]}\n" +
		"remote_write: [{url: 'http://x', basic_auth: {username: u, password_file: text}}]")
	if err == nil || !strings.Contains(err.Error(), "access_key_id and secret_access_key go together") { // the file was found, and is empty
		t.Errorf("%+v, %v", c, err)
	}
	c, err = read("model_data: {folders: [{prefix: 's3://models/', folder: data}]}\nremote_write: [{url: 'http://x', basic_auth: {username: u, password_file: text}}]")
	if err != nil || c.ModelData.Folders[0].Folder != filepath.Join(dir, "models", "data") || c.RemoteWrite[0].BasicAuth.PasswordFile != filepath.Join(dir, "models", "text") {
		t.Errorf("%+v, %v", c, err)
	}
	for text, want := range map[string]string{
		"images:\n- image: a\n  command: [./none]":               "bellows.yaml: line 3: images[0].command: " + filepath.Join(dir, "models", "none") + " cannot be run: no such file",
		"images:\n- image: a\n  command: [./text]":               "cannot be run: permission denied",
		"images:\n- image: a\n  command: [no-such-program-here]": "images[0].command: no-such-program-here cannot be run: executable file not found in $PATH",
		"images:\n- image: a\n  command: [sh]\n  cwd: nowhere":   "line 4: images[0].cwd: " + filepath.Join(dir, "models", "nowhere") + " is no folder",
		"model_data:\n  file_roots: [data, nowhere]":             "line 2: model_data.file_roots[1]: " + filepath.Join(dir, "models", "nowhere") + " is no folder",
		"metrics: {token_file: none}":                            "reading the token of metrics",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
}

func TestRemoteWriteMistakesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"{}": "line 1: remote_write[0]: it needs an http or https url", "{url: ftp://x}": "http or https url", "{url: 'http://u:p@x'}": "under basic_auth",
		"{url: http://x, headers: {'a b': c}}": "no header", "{url: http://x, headers: {a: \"b\\nc\"}}": "no header", "{url: http://x, basic_auth: {password: p}}": "needs a username",
		"{url: http://x, basic_auth: {username: u, password: p, password_file: f}}":      "a password or a password_file",
		"{url: http://x, headers: {authorization: Bearer x}, basic_auth: {username: u}}": "both",
		"{url: http://x, queue: 3}": "queue",
	} {
		if _, err := Parse([]byte("remote_write: ["+text+"]"), "/etc/bellows"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Parse([]byte("remote_write:\n- url: https://x/api/v1/write\n  headers: {X-Scope-OrgID: a}\n  basic_auth: {username: u, password_file: "+file+"}\n"), "/etc/bellows")
	if err != nil {
		t.Fatal(err)
	}
	if d, err := c.RemoteWrite[0].Destination(); err != nil || d.Username != "u" || d.Password != "secret" || d.Headers["X-Scope-OrgID"] != "a" {
		t.Errorf("%+v, %v", d, err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("images:\n- image: a*\n  command: [b]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := Parse([]byte(text), "/etc/bellows"); err == nil {
			_, _ = c.Program("a/b")
		}
	})
}

// The example says that it holds the defaults, images aside.
func TestExampleIsTheDefaults(t *testing.T) {
	text, err := os.ReadFile("../../examples/bellows.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(text, "/etc/bellows")
	if err != nil || len(got.Images) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	got.Images, got.AccountStated = nil, false
	if want := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}
