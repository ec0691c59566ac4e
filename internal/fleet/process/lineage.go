package process

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

// scanEvery is how often a lineage scans the machine's processes.
const scanEvery = 250 * time.Millisecond

// lineage tracks which process descends from which copy, where there are no control groups. The server is a child subreaper: a
// daemon whose parents have ended becomes its child and can be found, even if it left its session and overwrote its environment. A
// nil lineage tracks nothing.
type lineage struct {
	owner owner
	self  int // this process

	mu      sync.Mutex
	leaders map[identity]hosting.CopyID
	members map[identity]hosting.CopyID          // what descends from leaders and runs
	strays  map[identity]map[hosting.CopyID]bool // children of unknown descent, with the copies that they may come from
}

func newLineage(o owner) (*lineage, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("becoming a child subreaper: %w", err)
	}
	return &lineage{
		owner: o, self: os.Getpid(), leaders: map[identity]hosting.CopyID{}, members: map[identity]hosting.CopyID{},
		strays: map[identity]map[hosting.CopyID]bool{},
	}, nil
}

// run scans until ctx ends.
func (l *lineage) run(ctx context.Context) {
	tick := time.NewTicker(scanEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) // staying one does no harm
			return
		case <-tick.C:
			l.mu.Lock()
			l.scan()
			l.mu.Unlock()
		}
	}
}

// start starts a copy's leader and registers it before a scan can take it for a daemon.
func (l *lineage) start(id hosting.CopyID, start func() (identity, error)) (identity, error) {
	if l == nil {
		return start()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	who, err := start()
	if err == nil {
		l.leaders[who] = id
	}
	return who, err
}

// adopt registers the leader of a copy that an earlier server started.
func (l *lineage) adopt(id hosting.CopyID, who identity) {
	_, _ = l.start(id, func() (identity, error) { return who, nil }) // nothing is started
}

// of returns the processes that descend from a copy and ran at the last scan. Once its leader has ended, they include strays that can come
// from no other copy.
func (l *lineage) of(id hosting.CopyID, ended bool) []identity {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scan()
	var out []identity
	for who, of := range l.members {
		if of == id {
			out = append(out, who)
		}
	}
	if !ended {
		return out
	}
	for who, from := range l.strays {
		if delete(from, id); len(from) == 0 {
			out = append(out, who)
		}
	}
	return out
}

// ended forgets a copy's leader.
func (l *lineage) ended(who identity) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.leaders, who)
}

// scan updates what is known.
func (l *lineage) scan() {
	table := map[int]stat{}
	for _, pid := range pids() {
		if st, ok := readStat(pid); ok {
			table[pid] = st
		}
	}
	own := table[l.self].session
	for pid, st := range table {
		if st.runs() {
			continue
		}
		// A daemon that has ended waits for its parent, the server. Leaders are waited for by their keepers, and children of the
		// server's own session by those who started them.
		if st.parent == l.self && st.session != own && l.leaders[identity{pid, st.born}] == "" {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // the next scan finds it if it is still there
		}
		delete(table, pid)
	}
	for l.members = descendants(table, l.leaders, l.members); l.learn(table, own); {
		l.members = descendants(table, l.leaders, l.members) // including those that were learned of
	}
}

// learn looks for members that no running process leads to: by their marks, or as children that can come from one copy only. It reports
// whether it found any.
func (l *lineage) learn(table map[int]stat, own int) (found bool) {
	for pid, st := range table {
		who := identity{pid, st.born}
		if l.members[who] != "" || l.leaders[who] != "" || pid == l.self {
			continue
		}
		if fleet, id := marks(pid); l.owner.ours(fleet) && id != "" {
			l.members[who], found = id, true
		} else if st.parent == l.self && st.session != own && l.strays[who] == nil {
			l.strays[who] = l.elders(st.born)
		}
	}
	for who, from := range l.strays {
		st, runs := table[who.pid]
		if !runs || st.born != who.born || l.members[who] != "" {
			delete(l.strays, who)
		} else if len(from) == 1 {
			for id := range from {
				l.members[who], found = id, true
			}
			delete(l.strays, who)
		}
	}
	return found
}

// elders returns the copies whose leaders had started when a process did.
func (l *lineage) elders(born uint64) map[hosting.CopyID]bool {
	out := map[hosting.CopyID]bool{}
	for who, id := range l.leaders {
		if who.born <= born {
			out[id] = true
		}
	}
	return out
}

// descendants returns which running processes descend from which leader's copy: those that are known to, what is in a leader's own
// group or session, and the children of all these. Other groups and sessions prove nothing: a leader that an earlier version started is in
// the session of the terminal that its server ran in.
func descendants(table map[int]stat, leaders, known map[identity]hosting.CopyID) map[identity]hosting.CopyID {
	out := map[identity]hosting.CopyID{}
	numbers := map[int]hosting.CopyID{} // of leaders, which are also those of their groups and sessions, even once they have ended
	parents := map[int]hosting.CopyID{}
	for who, id := range leaders {
		if st, runs := table[who.pid]; !runs || st.born == who.born {
			numbers[who.pid], parents[who.pid] = id, id
		}
	}
	for who, id := range known {
		if st, runs := table[who.pid]; runs && st.born == who.born {
			out[who], parents[who.pid] = id, id
		}
	}
	for grown := true; grown; {
		grown = false
		for pid, st := range table {
			who := identity{pid, st.born}
			if out[who] != "" || leaders[who] != "" {
				continue
			}
			if id := cmp.Or(parents[st.parent], numbers[st.group], numbers[st.session]); id != "" {
				out[who], parents[pid], grown = id, id, true
			}
		}
	}
	return out
}
