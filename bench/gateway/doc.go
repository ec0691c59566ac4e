// Command gateway measures the data plane of a running server beside its peers, in one run: a model server asked directly, nginx, haproxy,
// httputil.ReverseProxy, and Bellows with and without signatures. All of them pass invocations on to the same model servers, which
// Bellows runs as instances of an endpoint.
//
//	go run ./bench/gateway
//
// It measures at saturation with bodies of 1 KB and 220 KB (wrk makes the load where it is installed, else package loadgen), at fixed rates in
// an open loop, and the memory that a connection takes. Rounds take turns; tables show medians. It exits with 1 where a promised figure is
// missed. Peers that are not installed are left out, and so are the figures that are relative to them.
package main
