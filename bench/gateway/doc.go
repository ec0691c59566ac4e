// Command gateway measures the data plane beside its peers in one run: a model server asked directly, nginx,
// httputil.ReverseProxy and Bellows' gateway, each in its own process, with the same load of 1 KB requests and answers.
//
//	go run ./bench/gateway -duration 5s -rounds 3
//
// wrk makes the load where it is installed, else package loadgen. The rounds take turns, and the table shows medians.
package main
