// Package fleet is the contract of fleets: a fleet makes the running instances equal to the wanted ones, watches their health, and
// reports. Package process runs copies as child processes; fleettest is the suite that any fleet must pass.
//
// A server opens one fleet and gives it the engine's levels, after the gateway has its routes. Another kind of fleet is a package below
// this one with a Kind, and a line in the server's list of kinds.
package fleet
