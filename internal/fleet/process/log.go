package process

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
)

// boundLog keeps a log from growing without end. The process writes to the file itself, so that it outlives the server: a full
// file is copied aside and cut to nothing, and the process goes on writing at its new end.
func (i *instance) boundLog() {
	path := i.fleet.LogFile(i.spec.ID)
	info, err := os.Stat(path)
	if err != nil || info.Size() <= i.fleet.o.LogMax {
		return
	}
	if err := errors.Join(copyFile(path, path+".1", i.fleet.o.LogMax), os.Truncate(path, 0)); err != nil {
		i.fleet.o.Log.Warn("a log could not be cut", "instance", string(i.spec.ID), "error", err)
	}
}

// copyFile copies at most the last n bytes.
func copyFile(from, to string, n int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	if info, err := in.Stat(); err == nil && info.Size() > n {
		if _, err := in.Seek(-n, io.SeekEnd); err != nil {
			return err
		}
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, n))
	return errors.Join(err, out.Close())
}

// lastWords quotes the last line of an instance's log.
func (i *instance) lastWords() string {
	f, err := os.Open(i.fleet.LogFile(i.spec.ID))
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // it was only read
	const tail = 400
	if info, err := f.Stat(); err == nil && info.Size() > tail {
		if _, err := f.Seek(-tail, io.SeekEnd); err != nil {
			return ""
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, tail))
	if err != nil {
		return ""
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	last := strings.ToValidUTF8(string(lines[len(lines)-1]), "?")
	if last == "" {
		return ""
	}
	return " Its log ends: " + last
}
