package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"bellows.dev/bellows/internal/fleet"
)

// Image maps images of models to the command of a model server.
type Image struct {
	Image   string   `yaml:"image"` // a pattern: * stands for any text, ? for a character
	Command []string `yaml:"command"`

	Env map[string]string `yaml:"env"` // of the model server; the model's own Environment comes before it
	Cwd string            `yaml:"cwd"` // its working directory, in the configuration's folder; default: the server's own

	// PassEnv are variables of the server's own environment that the model server gets, too: names, or patterns such as CUDA_* or *.
	PassEnv []string `yaml:"pass_env"`

	MaxConcurrency int `yaml:"max_concurrency"` // invocations that one instance works on at a time; 0: as for all
}

// check returns what is wrong with the entry.
func (x *Image) check() (wrong []error) {
	if x.Image == "" || len(x.Command) == 0 || x.Command[0] == "" {
		wrong = append(wrong, errors.New("an entry needs an image and a command"))
	}
	if _, err := path.Match(pattern(x.Image), ""); err != nil {
		wrong = append(wrong, fmt.Errorf("%q is no pattern", x.Image))
	}
	for _, name := range slices.Sorted(maps.Keys(x.Env)) {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			wrong = append(wrong, fmt.Errorf("env: %q is no name of a variable", name))
		}
	}
	for _, p := range x.PassEnv {
		if _, err := path.Match(p, ""); p == "" || err != nil {
			wrong = append(wrong, fmt.Errorf("pass_env: %q is neither the name of a variable nor a pattern", p))
		}
	}
	return wrong
}

// resolve makes the paths of model data and of files with secrets absolute. Relative paths are relative to the configuration's folder.
func (c *Config) resolve(folder string) {
	for i := range c.ModelData.Folders {
		if x := &c.ModelData.Folders[i]; x.Folder != "" {
			x.Folder = within(folder, x.Folder)
		}
	}
	for i, x := range c.ModelData.FileRoots {
		if x != "" {
			c.ModelData.FileRoots[i] = within(folder, x)
		}
	}
	for i := range c.ModelData.Stores {
		if x := &c.ModelData.Stores[i]; x.SecretAccessKeyFile != "" {
			x.SecretAccessKeyFile = within(folder, x.SecretAccessKeyFile)
		}
	}
	for i := range c.RemoteWrite {
		if x := &c.RemoteWrite[i].BasicAuth; x.PasswordFile != "" {
			x.PasswordFile = within(folder, x.PasswordFile)
		}
	}
}

// locate finds the commands and folders of images and the folders of model data, and reads the token of metrics. Relative paths are relative to
// the configuration's folder; a command without a slash is looked up in PATH.
func (c *Config) locate(s *source, folder string) {
	for i := range c.Images {
		x := &c.Images[i]
		at := fmt.Sprintf("images.%d", i)
		if x.Cwd != "" {
			x.Cwd = within(folder, x.Cwd)
			if !isFolder(x.Cwd) {
				s.wrong(at+".cwd", "images[%d].cwd: %s is no folder", i, x.Cwd)
			}
		}
		if len(x.Command) == 0 || x.Command[0] == "" {
			continue // as check says
		}
		name := x.Command[0]
		if strings.Contains(name, "/") {
			name = within(folder, name)
		}
		found, err := exec.LookPath(name)
		if err != nil {
			s.wrong(at+".command", "images[%d].command: %s cannot be run: %v", i, name, innermost(err))
			continue
		}
		x.Command = slices.Concat([]string{found}, x.Command[1:])
	}
	for i, x := range c.ModelData.Folders {
		if x.Folder != "" && !isFolder(x.Folder) {
			s.wrong(fmt.Sprintf("model_data.folders.%d.folder", i), "model_data.folders[%d].folder: %s is no folder", i, x.Folder)
		}
	}
	for i, x := range c.ModelData.FileRoots {
		if x != "" && !isFolder(x) {
			s.wrong(fmt.Sprintf("model_data.file_roots.%d", i), "model_data.file_roots[%d]: %s is no folder", i, x)
		}
	}
	c.TLS.within(folder)
	if err := c.Metrics.read(folder); err != nil {
		s.wrong("metrics.token_file", "%v", err)
	}
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// innermost returns the error at the end of the chain: without the name of the file, which the message has already.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// within returns a path relative to a folder; an absolute path stays as it is.
func within(folder, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(folder, name)
}

// DemoImage is the image of the model that is built into this program.
const DemoImage = "bellows/demo-model"

// image returns the first entry that matches an image; nil where none does.
func (c *Config) image(name string) *Image {
	for i := range c.Images {
		if ok, err := path.Match(pattern(c.Images[i].Image), pattern(name)); ok && err == nil {
			return &c.Images[i]
		}
	}
	return nil
}

// Program returns the command that runs an image. It fails for an image that no entry matches.
func (c *Config) Program(name string) (fleet.Program, error) {
	if x := c.image(name); x != nil {
		return fleet.Program{Command: x.Command, Env: x.Env, Folder: x.Cwd, PassEnv: x.PassEnv}, nil
	}
	if name == DemoImage || strings.HasPrefix(name, DemoImage+":") {
		self, err := os.Executable()
		if err != nil {
			return fleet.Program{}, fmt.Errorf("finding this program's own file: %w", err)
		}
		return fleet.Program{Command: []string{self, "demo-model"}}, nil
	}
	known := []string{DemoImage}
	for _, x := range c.Images {
		known = append(known, x.Image)
	}
	return fleet.Program{}, fmt.Errorf("no command is known for the image %q. Map it under images: in bellows.yaml. Known are: %s", name, strings.Join(known, ", "))
}

// Metrics gives access to /metrics by a token, besides access keys.
type Metrics struct {
	Token     string `yaml:"token"`      // a bearer token
	TokenFile string `yaml:"token_file"` // or the file that has it

	secret string // either's
}

// Secret returns the configured token, directly or from its file; "" if there is none.
func (m *Metrics) Secret() string { return m.secret }

// tokenLeast is the shortest length of a token, in bytes.
const tokenLeast = 16

func (m *Metrics) check() error {
	if m.Token != "" && m.TokenFile != "" {
		return errors.New("it has a token and a token_file: want one of them")
	}
	if m.secret = m.Token; m.Token != "" && len(m.Token) < tokenLeast {
		return fmt.Errorf("the token has %d bytes: want %d at least", len(m.Token), tokenLeast)
	}
	return nil
}

func (m *Metrics) read(folder string) error {
	if m.TokenFile == "" {
		return nil
	}
	text, err := os.ReadFile(within(folder, m.TokenFile))
	if err != nil {
		return fmt.Errorf("reading the token of metrics: %w", err)
	}
	if m.secret = strings.TrimSpace(string(text)); len(m.secret) < tokenLeast {
		return fmt.Errorf("metrics: the token in %s has %d bytes: want %d at least", m.TokenFile, len(m.secret), tokenLeast)
	}
	return nil
}
