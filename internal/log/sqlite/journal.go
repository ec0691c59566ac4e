package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"

	"bellows.dev/bellows/internal/log"
)

// epochKey names the setting that has the newest epoch.
const epochKey = "log.epoch"

// Lead implements log.Journal.
func (s *Store) Lead(ctx context.Context, start log.Start) (epoch uint64, err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("noting the start: %w", err)
	}
	epoch, _, err = position(ctx, tx)
	if err == nil {
		epoch++
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)`, epochKey, []byte(strconv.FormatUint(epoch, 10)))
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO boot (at, after) VALUES (?, ?)`, nanos(start.At), nanos(start.After))
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		s.abandon(ctx, tx)
		return 0, fmt.Errorf("noting the start: %w", err)
	}
	return epoch, nil
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// position returns the newest epoch and the last entry's sequence number; 0 where there is none.
func position(ctx context.Context, q querier) (epoch, end uint64, err error) {
	var text []byte
	var last int64
	if err = q.QueryRowContext(ctx, selectPosition, epochKey).Scan(&text, &last); err == nil {
		epoch, err = parseEpoch(text)
	}
	return epoch, uint64(last), err
}

// parseEpoch reads the setting that has the newest epoch; 0 where there is none.
func parseEpoch(text []byte) (uint64, error) {
	if len(text) == 0 {
		return 0, nil
	}
	return strconv.ParseUint(string(text), 10, 64)
}

// Append implements log.Journal.
func (s *Store) Append(ctx context.Context, b log.Batch) error {
	if err := s.commit(ctx, b); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	if n := len(b.Entries); n > 0 {
		s.mark.set(b.Entries[n-1].Seq)
		s.tail.Committed(b.Entries)
	}
	return nil
}

func (s *Store) commit(ctx context.Context, b log.Batch) error {
	held, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	err = held.Raw(func(conn any) error {
		c := conn.(*connection)
		err := s.fill(ctx, c, b)
		if err != nil {
			c.abandon(ctx)
		}
		return err
	})
	return errors.Join(err, held.Close())
}

// abandon ends a transaction that failed. SQLite may have ended it already, or, where COMMIT itself failed, not yet.
func (s *Store) abandon(ctx context.Context, tx *sql.Tx) {
	_ = tx.Rollback()
	_, _ = s.write.ExecContext(ctx, "ROLLBACK")
}

// fill writes a batch in a transaction. If it fails, the transaction may still be open.
func (s *Store) fill(ctx context.Context, c *connection, b log.Batch) error {
	if err := c.exec(ctx, beginCommit); err != nil {
		return err
	}
	at := make([]driver.Value, 2)
	if err := c.row(ctx, selectPosition, at, epochKey); err != nil {
		return err
	}
	text, _ := at[0].([]byte)
	last, _ := at[1].(int64)
	epoch, err := parseEpoch(text)
	if err != nil {
		return err
	}
	if b.Epoch != epoch {
		return log.ErrFenced
	}
	for i, e := range b.Entries {
		if want := uint64(last) + uint64(i) + 1; e.Seq != want {
			return fmt.Errorf("the journal goes on at %d, not at %d", want, e.Seq)
		}
		if err := s.insert(ctx, c, e); err != nil {
			return err
		}
	}
	for _, h := range b.Events {
		if err := insertEvent(ctx, c, h); err != nil {
			return err
		}
	}
	for _, m := range b.Outbox {
		if err := c.exec(ctx, insertMessage, m.Topic, m.Kind, m.Data, messageSum(m)); err != nil {
			return err
		}
	}
	return c.exec(ctx, endCommit)
}

func (s *Store) insert(ctx context.Context, c *connection, e log.Entry) error {
	held, events := packInput(s.packer, e.Data), encodeEvents(s.packer, e.Events)
	return c.exec(ctx, insertEntry, int64(e.Seq), nanos(e.At), e.Kind, held, events, lineSum(e.Seq, nanos(e.At), e.Kind, held, events))
}

// encodeEvents returns what the journal holds of events: of each its kind and its data, with their lengths before them; nil where there are
// none.
func encodeEvents(z *zstd.Encoder, events []log.Event) []byte {
	if len(events) == 0 {
		return nil
	}
	var b []byte
	for _, x := range events {
		b = append(binary.AppendUvarint(b, uint64(len(x.Kind))), x.Kind...)
		b = append(binary.AppendUvarint(b, uint64(len(x.Data))), x.Data...)
	}
	return packInput(z, b)
}

// errEvents says that an entry's events are not what encodeEvents writes.
var errEvents = errors.New("its events cannot be read")

// decodeEvents is the inverse of encodeEvents.
func decodeEvents(z *zstd.Decoder, held []byte) (out []log.Event, err error) {
	if len(held) == 0 {
		return nil, nil
	}
	b, err := unpackInput(z, held)
	if err != nil {
		return nil, err
	}
	next := func() (text []byte) {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			err = errEvents
			return nil
		}
		text, b = b[used:used+int(n):used+int(n)], b[used+int(n):]
		return text
	}
	for len(b) > 0 && err == nil {
		kind := next()
		if err == nil {
			out = append(out, log.Event{Kind: string(kind), Data: next()})
		}
	}
	return out, err
}

// probeSize is how many bytes Probe writes: a disk that is almost full takes a page, but no batch.
const probeSize = 256 << 10

// Probe implements log.Journal.
func (s *Store) Probe(ctx context.Context) error {
	_, err := s.write.ExecContext(ctx, `INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', zeroblob(?))`, probeSize)
	if err == nil {
		_, err = s.write.ExecContext(ctx, `DELETE FROM meta WHERE key = 'probe'`)
	}
	if err != nil {
		return fmt.Errorf("writing on trial: %w", err)
	}
	return nil
}

// End implements log.Journal.
func (s *Store) End(ctx context.Context) (uint64, error) {
	_, end, err := position(ctx, s.read)
	if err != nil {
		return 0, fmt.Errorf("finding the journal's end: %w", err)
	}
	return end, nil
}

// Begins implements log.Journal.
func (s *Store) Begins(ctx context.Context) (uint64, error) {
	var first sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT min(seq) FROM journal`).Scan(&first); err != nil {
		return 0, fmt.Errorf("finding the journal's beginning: %w", err)
	}
	return uint64(first.Int64), nil
}

// Subscribe implements log.Journal.
func (s *Store) Subscribe(ctx context.Context, after uint64, each func(log.Entry) error) error {
	return s.tail.Subscribe(ctx, s, after, each)
}

// readMax is how many entries one query of Read returns: while it is open SQLite keeps what was written since.
const readMax = 4096

// Read implements log.Journal.
func (s *Store) Read(ctx context.Context, after uint64, each func(log.Entry) error) error {
	columns, err := s.journalColumns(ctx)
	if err != nil {
		return err
	}
	unpacker, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("unpacking inputs: %w", err)
	}
	defer unpacker.Close()
	r := reader{store: s, columns: columns, unpacker: unpacker, last: after}
	for {
		n, err := r.read(ctx, each)
		if err != nil {
			return err
		}
		if n < readMax {
			return s.trimmed(ctx, r.last)
		}
	}
}

// trimmed fails where entries after one that was read are missing: the journal has none after it, but a snapshot has. It asks for both in one
// statement, since an entry may be committed between two.
func (s *Store) trimmed(ctx context.Context, last uint64) error {
	var begins, covered sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT (SELECT min(seq) FROM journal), (SELECT max(seq) FROM snapshot)`).Scan(&begins, &covered); err != nil {
		return fmt.Errorf("finding the journal's beginning and end: %w", err)
	}
	if end := uint64(covered.Int64); !begins.Valid && end > last {
		return &log.TrimmedError{After: last, First: end + 1}
	}
	return nil
}

// journalColumns names the columns that Read reads; those that a file of an earlier version lacks are NULL.
func (s *Store) journalColumns(ctx context.Context) (string, error) {
	columns := "seq, at, kind, data"
	for _, name := range []string{"events", "sum"} {
		there, err := hasColumn(ctx, s.read, "journal", name)
		if err != nil {
			return "", err
		}
		if !there {
			name = "NULL"
		}
		columns += ", " + name
	}
	return columns, nil
}

// reader reads the journal.
type reader struct {
	store    *Store
	columns  string
	unpacker *zstd.Decoder
	lines    lineChecker
	last     uint64
}

// read calls each for the next entries, and returns how many there were.
func (r *reader) read(ctx context.Context, each func(log.Entry) error) (n int, err error) {
	rows, err := r.store.read.QueryContext(ctx, `SELECT `+r.columns+` FROM journal WHERE seq > ? ORDER BY seq LIMIT ?`, r.last, readMax)
	if err != nil {
		return 0, fmt.Errorf("reading the journal: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	for ; rows.Next(); n++ {
		var e log.Entry
		var at int64
		var held []byte
		var sum sql.NullInt64
		if err := rows.Scan(&e.Seq, &at, &e.Kind, &e.Data, &held, &sum); err != nil {
			return n, fmt.Errorf("reading the journal: %w", err)
		}
		if e.Seq != r.last+1 {
			return n, &log.TrimmedError{After: r.last, First: e.Seq}
		}
		if err := r.lines.check(e, at, held, sum); err != nil {
			return n, err
		}
		r.last, e.At = e.Seq, moment(at)
		if e.Data, err = unpackInput(r.unpacker, e.Data); err == nil {
			e.Events, err = decodeEvents(r.unpacker, held)
		}
		if err != nil {
			return n, fmt.Errorf("line %d of the journal is damaged: %w", e.Seq, err)
		}
		if err := each(e); err != nil {
			return n, err
		}
	}
	if err := rows.Err(); err != nil {
		return n, fmt.Errorf("reading the journal: %w", err)
	}
	return n, nil
}

// Began implements log.Journal. Of a journal that an earlier version began it is the moment of the first entry.
func (s *Store) Began(ctx context.Context) (time.Time, error) {
	var at sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT min(at) FROM (SELECT min(at) AS at FROM boot UNION ALL SELECT at FROM journal WHERE seq = 1)`).
		Scan(&at); err != nil || !at.Valid {
		return time.Time{}, err
	}
	return moment(at.Int64), nil
}

// Outage implements log.Journal.
func (s *Store) Outage(ctx context.Context, at time.Time) (from, until time.Time, ok bool, err error) {
	if there, err := s.hasArchive(ctx); !there || err != nil {
		return from, until, false, err
	}
	var a, b int64
	err = s.read.QueryRowContext(ctx, `SELECT after, at FROM boot WHERE at > ? AND after <= ? ORDER BY at LIMIT 1`, nanos(at), nanos(at)).Scan(&a, &b)
	if errors.Is(err, sql.ErrNoRows) {
		return from, until, false, nil
	}
	if err != nil {
		return from, until, false, fmt.Errorf("looking for an outage: %w", err)
	}
	return moment(a), moment(b), true, nil
}
