package port

const (
	// connectionsMax is how many connections are served at once where descriptors are plenty: each takes some 20 KiB.
	connectionsMax = 16_384

	// reserve is how many descriptors are kept for files, databases and model servers' logs; more where there are more.
	reserve = 256

	// descriptorsLeast is assumed where the limit cannot be read: POSIX promises fewer, no system does.
	descriptorsLeast = 1024
)

// Capacity raises this process's limit of open files as far as it may, and returns how many connections a server should take below it: a
// part is kept in reserve, and of the rest half is for the connections to model servers that requests need.
func Capacity() int { return capacity(descriptors()) }

func capacity(limit uint64) int {
	kept := max(reserve, limit/8)
	if limit < 2*kept {
		kept = limit / 2
	}
	return int(max(1, min((limit-kept)/2, connectionsMax)))
}
