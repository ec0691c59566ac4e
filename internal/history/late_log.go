package history

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/prometheus/model/labels"
	logged "github.com/prometheus/prometheus/tsdb/record"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/prometheus/prometheus/util/compression"
)

// The TSDB has a separate log of late samples, with marks between them: samples before a mark are in a file of chunks. These files
// are written through a buffer, so after a kill the marks may refer to missing data, and samples before them are lost at the next
// start or the one after. The log itself has every late sample that is in no block. So marks and chunk files are removed before a tier is
// opened, and all samples are read from the logs.

// wholeLog is the folder of a log without marks that replaces the log of late samples.
const wholeLog = "late.whole"

// forgetChunks removes the chunk files and the marks in the log of late samples. It may be interrupted at any point.
func forgetChunks(dir string) error {
	log, part, whole := filepath.Join(dir, wlog.WblDirName), filepath.Join(dir, "late.part"), filepath.Join(dir, wholeLog)
	if err := errors.Join(os.RemoveAll(part), os.RemoveAll(filepath.Join(dir, "chunks_head"))); err != nil {
		return err
	}
	_, err := os.Stat(whole)
	if errors.Is(err, os.ErrNotExist) {
		var marks bool
		if marks, err = copyUnmarked(log, part); err != nil || !marks {
			return errors.Join(err, os.RemoveAll(part))
		}
		if err = errors.Join(syncPath(part), os.Rename(part, whole), syncPath(dir)); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(log), os.Rename(whole, log), syncPath(dir))
}

// copyUnmarked copies a log without its marks and reports whether it had any. It stops at a torn end.
func copyUnmarked(from, to string) (marks bool, err error) {
	segments, err := wlog.NewSegmentsReader(from)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer segments.Close() //nolint:errcheck // it was only read
	out, err := wlog.NewSize(slog.New(slog.DiscardHandler), nil, to, segmentSize, compression.Snappy)
	if err != nil {
		return false, err
	}
	decoder := logged.NewDecoder(labels.NewSymbolTable(), slog.New(slog.DiscardHandler))
	in := wlog.NewReader(segments)
	for in.Next() {
		if decoder.Type(in.Record()) == logged.MmapMarkers {
			marks = true
			continue
		}
		if err := out.Log(in.Record()); err != nil {
			return marks, errors.Join(err, out.Close())
		}
	}
	if err := in.Err(); err != nil && !errors.Is(err, io.EOF) {
		var torn *wlog.CorruptionErr
		if !errors.As(err, &torn) {
			return marks, errors.Join(fmt.Errorf("reading the log of late samples: %w", err), out.Close())
		}
	}
	return marks, out.Close()
}
