// Command bellows is the one binary: the server, its tools (demo, env, explain, replay, simulate) and the demo model. It wires the pure
// packages to the network, the disk and the processes of models.
package main
