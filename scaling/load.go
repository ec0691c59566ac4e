package scaling

import "time"

// A reading of a metric that falls as capacity rises means something only together with the capacity that served while it was taken:
// 500 invocations a minute read 500 per instance while one serves and 62.5 while eight do. The load, reading × capacity, is the same. So
// target tracking computes the capacity that a load needs, and never multiplies a reading by a capacity that did not serve it.
//
// AWS publishes no formula; recordings show that it multiplies old readings by the new capacity once a cooldown is over, and so
// overshoots. Bellows does not, on purpose (docs/compatibility.md, †).

// load is what a target tracking policy's alarm says about the load.
type load struct {
	Reading float64 // of the metric
	Served  int     // the capacity that it is multiplied by
	Partial bool    // no reading was taken since the capacity changed
}

// value is the load in units of the metric: what one instance alone would read.
func (l load) value() float64 { return finite(l.Reading * float64(l.Served)) }

// loadOut returns the load that is certain: the mean of the readings taken since the serving capacity last changed. Where there is none yet,
// each reading was taken with Least instances or more, so their mean times Least is a load that was there, whatever the mixture.
//
// E.g. 500 invocations a minute, of which 10 s were served by one instance and 50 s by eight, read 135.4 per instance: with the periods
// before it, mean(500, 500, 135.4) × 1 = 378. What was read while nothing served counts as one instance's.
func (s *situation) loadOut(sig *Signal) load {
	if n := len(sig.Datapoints) - sig.Settled; sig.Settled > 0 {
		return load{Reading: mean(sig.Datapoints[n:]), Served: s.capacity.Current}
	}
	return load{Reading: mean(sig.Datapoints), Served: min(max(sig.Least, 1), s.capacity.Current), Partial: true}
}

// loadIn returns the load that capacity has to be kept for: the larger of the mean of the readings taken since the serving capacity last
// changed and the newest of them, so that a load that has begun to rise counts at once. It reports false where there is none: nothing is
// known of the load that the present capacity bears.
func (s *situation) loadIn(sig *Signal) (load, bool) {
	if sig.Settled == 0 {
		return load{}, false
	}
	settled := sig.Datapoints[len(sig.Datapoints)-sig.Settled:]
	return load{Reading: max(mean(settled), settled[len(settled)-1]), Served: s.capacity.Current}, true
}

// How long before its timestamp the oldest of what a sample describes may have happened.
const (
	gatewaySpan = 2 * time.Second // gateways report each second
	otherSpan   = time.Minute     // utilisation is measured over a minute; what clients publish is taken to be, too
)

// MeasuringSpan returns how long before its timestamp the oldest of what a sample of the policy's metric describes may have happened: a period
// that begins less than that after a change of capacity may hold samples from before it.
func (p *Policy) MeasuringSpan() time.Duration {
	const gateway = "AWS/SageMaker"
	if p.TargetTracking == nil {
		return otherSpan
	}
	if s := p.TargetTracking.Predefined; s != nil {
		if s.Metric == GroupCPUUtilization {
			return otherSpan
		}
		return gatewaySpan
	}
	s := p.TargetTracking.Customized
	if len(s.Queries) == 0 && s.Namespace != gateway {
		return otherSpan
	}
	for i := range s.Queries {
		if x := s.Queries[i].Stat; x != nil && x.Namespace != gateway {
			return otherSpan
		}
	}
	return gatewaySpan
}
