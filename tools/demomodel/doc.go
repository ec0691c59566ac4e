// Command demomodel trains the demo model from Fisher's 150 irises and writes it to a file:
//
//	go generate ./internal/demomodel
//
// It is deterministic: no random numbers, a fixed number of steps. A test trains again and compares with the model that ships.
//
// iris.csv holds the measurements that R. A. Fisher published in 1936 (they were taken by E. Anderson), with the values of
// flowers 35 and 38 as printed there; some copies that circulate differ in these two.
package main
