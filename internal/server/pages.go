package server

import (
	"context"
	"net/http"
	"runtime/debug"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/console"
	"bellows.dev/bellows/internal/timeline"
)

// Version is the version of this program; "devel" where it was not built from a module's version.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}

// newConsole makes the pages for people. api serves their calls of AWS APIs.
func (s *Server) newConsole(api *awsapi.Server) *console.Console {
	return console.New(console.Options{
		Open: s.o.NoAuth, Identify: s.identify, Key: s.key, PromQL: s.prometheus.Query, Journal: s.store, Quit: s.quitting,
		SignIn: s.signIn, Safe: s.safe, Encrypted: s.encrypted, Insecure: insecure, OnSignIn: s.signedIn, Audit: s.audit.Query,
		Call: func(w http.ResponseWriter, r *http.Request, in engine.Scope, by console.Identity) {
			api.ServeAs(w, r, in, awsapi.Caller{AccessKeyID: by.AccessKeyID, User: by.User, ReadOnly: by.ReadOnly})
		},
		Timeline: timeline.Sources{View: s.control.View, Events: s.Past().Events, Metrics: s.history.Metrics, Writes: s.audit.Query},

		Version: Version(), Started: s.started, Scope: engine.Scope{Account: s.account(), Region: s.o.Config.Region}, Log: s.o.Log,
		Control: s.control, Past: s.Past(), History: s.history.Status, Invoked: s.gateway.Totals, Reach: s.reach,
		Machine: s.machine, ModelData: s.data.Status, Unlimited: s.unlimited, Damage: s.damage,
	})
}

// reach returns how far back moments can be explained.
func (s *Server) reach(ctx context.Context) (console.Reach, error) {
	d, err := s.store.Reach(ctx)
	return console.Reach{Since: d.From, Bytes: d.Bytes, BytesMax: int64(s.conf().ExplainMax)}, err
}
