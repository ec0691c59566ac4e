package server

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
	"bellows.dev/bellows/internal/machine"
)

// openFleet opens the fleet that the configuration names, over what earlier servers left.
func (s *Server) openFleet() error {
	kind, err := s.o.Config.FleetKind()
	if err != nil {
		return err
	}
	f, err := kind.Open(s.fleetOptions())
	if err != nil {
		return err // s.fleet stays nil: an interface that holds a nil fleet is not
	}
	s.fleet, s.unlimited = f, f.Unlimited()
	s.logs.Store(&f)
	return nil
}

// logSource reads the logs of the server's fleet. There are none before it is open.
type logSource struct{ s *Server }

// Logs implements logs.Source.
func (l logSource) Logs(account, region string) ([]fleet.Log, error) {
	f := l.s.logs.Load()
	if f == nil {
		return nil, nil
	}
	return (*f).Logs(account, region)
}

// ReadLog implements logs.Source.
func (l logSource) ReadLog(ctx context.Context, id hosting.CopyID, r fleet.LogRange) iter.Seq2[fleet.Line, error] {
	f := l.s.logs.Load()
	if f == nil {
		return func(yield func(fleet.Line, error) bool) { yield(fleet.Line{}, fleet.ErrNoLog) }
	}
	return (*f).ReadLog(ctx, id, r)
}

func (s *Server) fleetOptions() fleet.Options {
	c := s.o.Config
	return fleet.Options{
		Dir: filepath.Join(s.o.Dir, "fleet"), Command: func(image string) (fleet.Program, error) { return s.conf().Program(image) }, Log: s.o.Log,
		Report: func(r hosting.InstanceReport) { s.control.Report(s.life, r) },
		Drain:  s.gateway.Drain, Activity: s.gateway.Activity, BusyMax: time.Duration(c.InvocationTimeout),
		PingInterval: time.Duration(c.PingInterval), PingTimeout: time.Duration(c.PingTimeout), PingFailures: c.PingFailures,
		Settings: c.FleetSettings(), Data: s.data, Machine: s.machine, Limits: fleet.LimitsMode(c.Limits),
	}
}

// fleetLevels converts the engine's levels to the fleet's. Instances get the resources of their types.
func fleetLevels(levels []engine.FleetLevel, m *machine.Machine) []fleet.Level {
	out := make([]fleet.Level, len(levels))
	for n, l := range levels {
		for i := range l.Instances {
			size := m.Size(l.Instances[i].InstanceType)
			l.Instances[i].Resources = hosting.Resources{VCPUs: size.VCPUs, Memory: size.Memory, GPUs: size.GPUs}
		}
		group := []string{l.Key.Account, l.Key.Region, l.Key.Endpoint, l.Key.Variant, fmt.Sprint(l.Generation)}
		out[n] = fleet.Level{Group: strings.Join(group, "/"), Instances: l.Instances}
	}
	return out
}

// usage is what instances used since the last call.
func (s *Server) usage(ctx context.Context) []engine.InstanceUsage {
	var out []engine.InstanceUsage
	for _, u := range s.fleet.Usage(ctx) {
		out = append(out, engine.InstanceUsage(u))
	}
	return out
}

// absent returns reports of the copies that levels name and that the fleet did not adopt, and counts those that were lost, and those that the last
// server ended when it was asked to stop.
func (s *Server) absent(levels []engine.FleetLevel) (reports []hosting.InstanceReport, lost, stopped int) {
	adopted, ended := set(s.fleet.Adopted()), set(s.fleet.Ended())
	for _, l := range levels {
		for _, i := range l.Instances {
			for _, c := range i.Copies {
				r := hosting.NewReport(i.ID, c.ID, hosting.FleetFailed)
				switch {
				case adopted[c.ID]:
					continue
				case ended[c.ID]:
					stopped++
					r.Cause, r.Reason = hosting.CauseStopped, "The server was asked to stop, and ended the instance."
				default:
					lost++
					r.Reason = "The server was started again, and the instance was not running."
				}
				reports = append(reports, r)
			}
		}
	}
	return reports, lost, stopped
}

func set(ids []hosting.CopyID) map[hosting.CopyID]bool {
	out := make(map[hosting.CopyID]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out
}
