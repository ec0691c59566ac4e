// Package fleettest is what every fleet must pass. The tests of each fleet call Run.
package fleettest
