package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// process is a server that this command started.
type process struct {
	address string
	cmd     *exec.Cmd
	input   io.Closer // a child of this program ends when it is closed; nil for nginx
	dir     string    // removed at the end; may be ""
}

// stop ends the process and waits for it. How it ends is of no interest: it is not needed any more.
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

// child runs this program in another role; its first line of output is its address.
func (o *options) child(ctx context.Context, role, upstreams string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-role", role, "-upstreams", upstreams,
		"-instances", fmt.Sprint(o.instances), "-size", fmt.Sprint(o.size))
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
		return nil, fmt.Errorf("starting %s: %w", role, err)
	}
	p := &process{cmd: cmd, input: input}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("starting %s: it said no address: %w", role, err)
	}
	p.address = strings.TrimSpace(line)
	return p, nil
}

const nginxConfig = `daemon off;
worker_processes auto;
pid %[1]s/pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  keepalive_requests 100000000;
  upstream models { %[2]s keepalive 256; keepalive_requests 100000000; }
  server {
    listen %[3]s;
    client_body_buffer_size 64k;
    location / { proxy_pass http://models/invocations; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`

// nginx starts it as a proxy with kept connections, in a directory of its own.
func nginx(ctx context.Context, models []string) (*process, error) {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary = "/usr/sbin/nginx"
		if _, err := os.Stat(binary); err != nil {
			return nil, errors.New("it is not installed")
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
	servers := ""
	for _, m := range models {
		servers += "server " + m + "; "
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, servers, address), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, "-p", dir, "-c", config)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting nginx: %w", err)
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
			return nil, fmt.Errorf("starting nginx: %w", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
