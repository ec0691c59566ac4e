// Package fleet is what every fleet keeps: it makes the running instances equal to the wanted ones, watches their health, and
// reports. Package process runs instances as child processes; fleettest holds what any fleet must pass.
//
// cmd/bellows gives a fleet the engine's levels, after the gateway has its routes.
package fleet
