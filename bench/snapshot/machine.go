package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// userHertz is the unit of /proc/stat; Linux: proc(5).
const userHertz = 100

// machineTime is the CPU time that all processes have used; 0 where the system does not tell.
func machineTime() time.Duration {
	text, _ := os.ReadFile("/proc/stat")
	var user, nice, system, idle, wait, irq, softirq int64
	if _, err := fmt.Fscanf(bytes.NewReader(text), "cpu %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &softirq); err != nil {
		return 0
	}
	return time.Duration(user+nice+system+irq+softirq) * time.Second / userHertz
}

// waitTime is how long the threads of this process were ready to run and had no processor, summed; 0 where the system does not tell.
func waitTime() (sum time.Duration) {
	threads, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, path := range threads {
		text, _ := os.ReadFile(path)
		var ran, waited int64
		if _, err := fmt.Fscanf(bytes.NewReader(text), "%d %d", &ran, &waited); err == nil {
			sum += time.Duration(waited)
		}
	}
	return sum
}
