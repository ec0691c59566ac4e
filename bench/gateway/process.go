package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is a server that this program started.
type process struct {
	address string
	cmd     *exec.Cmd
	input   io.Closer // closing it ends a child that runs this program; nil for others
	dir     string    // removed when it stops; may be ""
}

// stop ends the process and waits for it. Its exit status does not matter.
func (p *process) stop() {
	if p.input != nil {
		_ = p.input.Close()
	} else {
		_ = p.cmd.Process.Signal(os.Interrupt)
	}
	_ = p.cmd.Wait()
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}

// family returns the process and its children.
func (p *process) family() []int {
	pids := []int{p.cmd.Process.Pid}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pids[0], pids[0]))
	if err != nil {
		return pids
	}
	for _, word := range strings.Fields(string(text)) {
		if n, err := strconv.Atoi(word); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// reverseProxyChild runs this program as a proxy, which prints its address on the first line.
func (o *options) reverseProxyChild(ctx context.Context, models []string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-role", "reverseproxy", "-upstreams", strings.Join(models, ","))
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, input: input}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("it printed no address: %w", err)
	}
	p.address = strings.TrimSpace(line)
	return p, nil
}

const nginxConfig = `daemon off;
worker_processes auto;
pid %[1]s/pid;
error_log stderr crit;
events { worker_connections 8000; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  keepalive_requests 100000000;
  upstream models { %[2]s keepalive 256; keepalive_requests 100000000; }
  server {
    listen %[3]s;
    client_body_buffer_size 512k; client_max_body_size 25m; proxy_buffers 8 64k; proxy_buffer_size 64k; proxy_busy_buffers_size 128k;
    location / { proxy_pass http://models/invocations; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`

const haproxyConfig = `global
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
frontend f
  bind %[1]s
  default_backend b
backend b
  http-reuse always
  http-request set-path /invocations
%[2]s`

// nginx starts nginx as a proxy with keep-alive connections.
func nginx(ctx context.Context, models []string) (*process, error) {
	servers := ""
	for _, m := range models {
		servers += "server " + m + "; "
	}
	return proxy(ctx, "nginx", func(dir, address string) ([]string, string) {
		config := filepath.Join(dir, "config")
		return []string{"-p", dir, "-c", config}, fmt.Sprintf(nginxConfig, dir, servers, address)
	})
}

// haproxy starts haproxy as a proxy with keep-alive connections.
func haproxy(ctx context.Context, models []string) (*process, error) {
	servers := ""
	for i, m := range models {
		servers += fmt.Sprintf("  server m%d %s\n", i, m)
	}
	return proxy(ctx, "haproxy", func(dir, address string) ([]string, string) {
		return []string{"-db", "-f", filepath.Join(dir, "config")}, fmt.Sprintf(haproxyConfig, address, servers)
	})
}

// proxy starts an installed program with a configuration in a folder of its own, and waits until it listens.
func proxy(ctx context.Context, name string, configure func(dir, address string) (args []string, config string)) (*process, error) {
	binary, err := exec.LookPath(name)
	if err != nil {
		binary = "/usr/sbin/" + name
		if _, err := os.Stat(binary); err != nil {
			return nil, errMissing
		}
	}
	l, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	args, config := configure(dir, address)
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting it: %w", err)
	}
	p := &process{address: address, cmd: cmd, dir: dir}
	for deadline := time.Now().Add(5 * time.Second); ; {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			return p, c.Close()
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			p.stop()
			return nil, fmt.Errorf("starting it: %w", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
