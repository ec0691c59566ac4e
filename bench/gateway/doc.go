// Command gateway measures the data plane of a running server beside its peers, in one run: a model server called directly, nginx, haproxy,
// httputil.ReverseProxy, and Bellows with and without signatures. All of them proxy to the same model servers, which Bellows runs as
// instances of an endpoint.
//
//	cd bench && go run ./gateway
//
// It measures at saturation with bodies of 1 KB and 220 KB (with wrk where it is installed, otherwise with package loadgen), at fixed rates in
// an open loop, and the memory of a connection. The peers take turns; tables show medians. It exits with 1 if a figure is outside its limit.
// Peers that are not installed are skipped, and so are the figures relative to them.
package main
