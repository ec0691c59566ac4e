package demomodel

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

// Environment variables of the demo model. All numbers are whole and not negative; unset means 0.
const (
	EnvPort        = "SAGEMAKER_BIND_TO_PORT"      // port on the loopback interface; 8080 if unset
	EnvLatency     = "BELLOWS_DEMO_LATENCY_MS"     // delay of every invocation in milliseconds
	EnvCPU         = "BELLOWS_DEMO_CPU_MS"         // CPU time of every invocation in milliseconds
	EnvConcurrency = "BELLOWS_DEMO_CONCURRENCY"    // concurrent invocations, others are queued; 0: no limit
	EnvStartDelay  = "BELLOWS_DEMO_START_DELAY_MS" // milliseconds before the server listens

	// For tests of fleets with failing model servers.
	EnvFailPing      = "BELLOWS_DEMO_FAIL_PING"       // 1: /ping always responds 503
	EnvFailPingAfter = "BELLOWS_DEMO_FAIL_PING_AFTER" // /ping responds 503 after this many successful pings; 0: never
	EnvCrashAfter    = "BELLOWS_DEMO_CRASH_AFTER"     // the process kills itself at this invocation; 0: never
	EnvExitAtStart   = "BELLOWS_DEMO_EXIT_AT_START"   // 1: the server fails before it listens
	EnvIgnoreTerm    = "BELLOWS_DEMO_IGNORE_TERM"     // 1: only SIGKILL ends the server
)

// settings are the validated environment variables.
type settings struct {
	address       string
	latency       time.Duration
	cpu           time.Duration
	concurrency   int
	startDelay    time.Duration
	failPing      bool
	failPingAfter int
	crashAfter    int
	exitAtStart   bool
	ignoreTerm    bool
}

// settingMax limits every number of the environment: an hour in milliseconds.
const settingMax = 3_600_000

func readSettings(getenv func(string) string) (settings, error) {
	var err error
	number := func(key string, limit int) int {
		text := getenv(key)
		if text == "" || err != nil {
			return 0
		}
		n, bad := strconv.Atoi(text)
		if bad != nil || n < 0 || n > limit {
			err = fmt.Errorf("environment variable %s is %.40q; want a whole number from 0 to %d", key, text, limit)
		}
		return n
	}
	millis := func(key string) time.Duration { return time.Duration(number(key, settingMax)) * time.Millisecond }
	port := "8080"
	if getenv(EnvPort) != "" {
		port = strconv.Itoa(number(EnvPort, 65535))
	}
	s := settings{
		address:       net.JoinHostPort("127.0.0.1", port),
		latency:       millis(EnvLatency),
		cpu:           millis(EnvCPU),
		concurrency:   number(EnvConcurrency, settingMax),
		startDelay:    millis(EnvStartDelay),
		failPing:      number(EnvFailPing, 1) == 1,
		failPingAfter: number(EnvFailPingAfter, settingMax),
		crashAfter:    number(EnvCrashAfter, settingMax),
		exitAtStart:   number(EnvExitAtStart, 1) == 1,
		ignoreTerm:    number(EnvIgnoreTerm, 1) == 1,
	}
	return s, err
}
