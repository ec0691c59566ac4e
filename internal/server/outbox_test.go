package server

import (
	"database/sql"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/sqlite"
)

// A message of which a bit has flipped, and one that is no notification, are set aside with a reason; the one behind them is sent.
func TestDamagedMessagesHoldUpNoOther(t *testing.T) {
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	const topic = "arn:aws:sns:us-east-1:123456789012:ops"
	message := func(alarmName string) log.Message {
		text, err := json.Marshal(engine.AlarmNotifies{Notification: alarm.Notification{Alarm: alarm.Alarm{Name: alarmName}, Action: alarm.Action{ARN: topic}}})
		if err != nil {
			t.Fatal(err)
		}
		return log.Message{Topic: topic, Kind: "AlarmNotifies", Data: text}
	}
	other := message("other")
	other.Kind = "Decided"
	epoch, err := s.Lead(t.Context(), log.Start{At: time.Now(), After: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), log.Batch{Epoch: epoch, Outbox: []log.Message{message("flipped"), other, message("whole")}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE outbox SET data = CAST(replace(CAST(data AS TEXT), 'flipped', 'flippet') AS BLOB) WHERE id = 1`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil { // with its write-ahead log, which would not be the server's
		t.Fatal(err)
	}
	if s, err = sqlite.Open(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if db, err = sql.Open("sqlite", filepath.Join(dir, sqlite.FileName)); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	box := outbox{s, slog.New(slog.DiscardHandler)}
	id, e, ok, err := box.First(t.Context(), topic)
	if err != nil || !ok || e.Alarm.Name != "whole" {
		t.Fatalf("message %d: %+v, %v, %v", id, e.Alarm.Name, ok, err)
	}
	if err := box.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, _, ok, err := box.First(t.Context(), topic); ok || err != nil {
		t.Errorf("another message waits: %v", err)
	}
	rows, err := db.QueryContext(t.Context(), `SELECT error FROM quarantine ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var reasons []string
	for rows.Next() {
		var why string
		if err := rows.Scan(&why); err != nil {
			t.Fatal(err)
		}
		reasons = append(reasons, why)
	}
	if rows.Err() != nil || len(reasons) != 2 || reasons[0] != (&log.DamagedRowError{Table: "outbox", ID: 1}).Error() || reasons[1] != "the outbox has a Decided, which is no notification" {
		t.Errorf("set aside for %q, %v", reasons, rows.Err())
	}
}
