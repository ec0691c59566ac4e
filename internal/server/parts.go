package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sigv4"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/invoke"
	"bellows.dev/bellows/internal/modeldata"
	"bellows.dev/bellows/internal/notify"
)

func (s *Server) authenticator() *awsapi.Authenticator {
	a := &awsapi.Authenticator{Now: time.Now, Account: s.account(), Region: s.o.Config.Region}
	if s.o.NoAuth {
		return a
	}
	a.Lookup = func(id string) (sigv4.Key, bool) {
		k, found := s.keys.Lookup(id)
		return sigv4.Key{
			Secret: k.SecretAccessKey, Token: k.SessionToken, Expires: k.Expires, Account: k.Account, User: k.User, ReadOnly: k.ReadOnly,
		}, found
	}
	return a
}

func (s *Server) controlOptions() control.Options {
	seed := uuid.New()
	return control.Options{
		Store: s.store, Speed: s.o.Speed, Archive: int64(s.o.Config.ExplainMax), Log: s.o.Log,
		Release: s.apply, Observe: s.observe, Usage: s.usage, OnEvent: s.event, OnCommit: s.instruments.committed,
		Config: engine.Config{
			Seed:     uint64(seed[0])<<56 | uint64(seed[1])<<48 | uint64(seed[2])<<40 | uint64(seed[3])<<32 | uint64(seed.ID()),
			Settings: s.o.Config.Engine(), Policies: s.o.Policies,
		},
	}
}

func (s *Server) gatewayOptions() invoke.Options {
	c := s.o.Config
	return invoke.Options{
		Authenticate: s.authenticate, LogFile: s.logFile, MaxBody: int(c.PayloadMax), Log: s.o.Log,
		Concurrency: func(image string) int { return s.conf().Concurrency(image) }, Wake: s.relay.wake, Ejected: s.relay.eject,
		Queue: invoke.Queue{
			Max: c.QueueMax, Bytes: int64(c.QueueBytes), BusyMax: time.Duration(c.QueueTimeout), ZeroMax: time.Duration(c.WakeTimeout),
		},
	}
}

// logFile returns the path of a copy's log.
func (s *Server) logFile(id hosting.CopyID) string {
	dir, err := filepath.Abs(s.o.Dir)
	if err != nil {
		dir = s.o.Dir
	}
	return filepath.Join(dir, "fleet", "logs", string(id)+".log")
}

func (s *Server) notifierOptions() notify.Options {
	return notify.Options{
		Outbox: outbox{s.store, s.o.Log}, Client: notify.NewClient(s.webhookAllowed), Log: s.o.Log, Done: s.notified,
		URL: func(topic string) (string, bool) { return s.conf().WebhookURL(topic) },
	}
}

// openHistory opens the history of metrics.
func (s *Server) openHistory() error {
	retention, err := history.ParseRetention(s.o.Config.Retention)
	if err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	s.history, err = history.Open(history.Options{
		Dir: filepath.Join(s.o.Dir, "history"), Retention: retention, BytesMax: int64(s.o.Config.HistoryMax),
		View: s.control.View, Step: s.control.Step, OnKept: s.recorded, Log: s.o.Log,
	})
	return err
}

// openModelData opens the cache of model data.
func (s *Server) openModelData() error {
	settings, err := s.o.Config.ModelData.Settings()
	if err != nil {
		return fmt.Errorf("model_data: %w", err)
	}
	s.data, err = modeldata.New(modeldata.Options{Dir: filepath.Join(s.o.Dir, "model-data"), Private: s.o.Dir, Settings: settings, Log: s.o.Log})
	return err
}

// checkModelData is CreateModel's check of a model's data. Its error's text is the client's.
func (s *Server) checkModelData(ctx context.Context, d hosting.ModelData) error {
	err := s.data.Check(ctx, d)
	if e := (*modeldata.Error)(nil); errors.As(err, &e) {
		return errors.New(e.Refusal())
	}
	return err
}
