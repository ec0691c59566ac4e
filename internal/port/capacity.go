package port

const (
	// connectionsMax is the maximum number of connections if file descriptors are not the limit: each takes some 20 KiB.
	connectionsMax = 16_384

	// reserve is the minimum number of descriptors reserved for files, databases and logs of model servers.
	reserve = 256

	// descriptorsLeast is assumed if the limit cannot be read.
	descriptorsLeast = 1024
)

// Capacity raises this process's limit of open files as far as permitted and returns the maximum number of connections of a server: a
// part of the descriptors is reserved, and half of the rest is for connections to model servers.
func Capacity() int { return capacity(descriptors()) }

func capacity(limit uint64) int {
	kept := max(reserve, limit/8)
	if limit < 2*kept {
		kept = limit / 2
	}
	return int(max(1, min((limit-kept)/2, connectionsMax)))
}
