package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// What each commit executes.
const (
	beginCommit    = `BEGIN IMMEDIATE`
	selectPosition = `SELECT (SELECT value FROM meta WHERE key = ?),
		max(coalesce((SELECT max(seq) FROM journal), 0), coalesce((SELECT max(seq) FROM snapshot), 0))`
	insertEntry   = `INSERT INTO journal (seq, at, kind, data, events, sum) VALUES (?, ?, ?, ?, ?, ?)`
	insertMessage = `INSERT INTO outbox (topic, kind, data, sum) VALUES (?, ?, ?, ?)`
	insertRow     = `INSERT INTO history (at, scope, tab, key, type, ident, kind, data, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tab, ident) WHERE ident IS NOT NULL DO UPDATE SET
			at = excluded.at, scope = excluded.scope, key = excluded.key, type = excluded.type, kind = excluded.kind, data = excluded.data, sum = excluded.sum`
	endCommit = `COMMIT`
)

// connection is a connection to SQLite that compiles the statements of a commit once: to compile them at each commit takes longer than to execute
// them. A transaction of database/sql would compile BEGIN and COMMIT each time, and start two goroutines.
type connection struct {
	driverConn
	compiled map[string]driver.Stmt // by text
}

// driverConn is what database/sql uses of the driver's connections.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// connector opens connections of type *connection.
type connector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(driverConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver of SQLite lacks a method"), opened.Close())
	}
	return &connection{conn, map[string]driver.Stmt{}}, nil
}

// Close implements driver.Conn. SQLite keeps a database open as long as it has a statement.
func (c *connection) Close() error {
	var errs []error
	for _, x := range c.compiled {
		errs = append(errs, x.Close())
	}
	return errors.Join(append(errs, c.driverConn.Close())...)
}

func (c *connection) statement(text string) (driver.Stmt, error) {
	if x := c.compiled[text]; x != nil {
		return x, nil
	}
	x, err := c.Prepare(text)
	if err != nil {
		return nil, fmt.Errorf("preparing a statement of a commit: %w", err)
	}
	c.compiled[text] = x
	return x, nil
}

// exec executes a compiled statement. Arguments are of the driver's types.
func (c *connection) exec(ctx context.Context, text string, args ...driver.Value) error {
	x, err := c.statement(text)
	if err == nil {
		_, err = x.(driver.StmtExecContext).ExecContext(ctx, named(args))
	}
	return err
}

// row reads the first row that a compiled query returns.
func (c *connection) row(ctx context.Context, text string, into []driver.Value, args ...driver.Value) error {
	x, err := c.statement(text)
	if err != nil {
		return err
	}
	rows, err := x.(driver.StmtQueryContext).QueryContext(ctx, named(args))
	if err != nil {
		return err
	}
	return errors.Join(rows.Next(into), rows.Close())
}

// abandon ends a transaction that failed. SQLite may have ended it already.
func (c *connection) abandon(ctx context.Context) {
	_, _ = c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK", nil)
}

func named(args []driver.Value) []driver.NamedValue {
	all := make([]driver.NamedValue, len(args))
	for i, v := range args {
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return all
}
