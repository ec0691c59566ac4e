package scaling

import (
	"math"
	"time"
)

// Ranges of numbers. AWS: integers of the API have 32 bits; cooldowns are in seconds.
const (
	capacityMax = math.MaxInt32
	cooldownMax = math.MaxInt32 * time.Second
)

// CheckCooldown checks a cooldown, nil where there is none.
func CheckCooldown(d *time.Duration) error {
	switch {
	case d == nil:
		return nil
	case *d < 0:
		return Invalid("Cooldown must be nonnegative")
	case *d > cooldownMax:
		return Invalid("Cooldown must be at most %d", cooldownMax/time.Second)
	}
	return nil
}

// CheckAdjustment checks a number of an adjustment by its name.
func CheckAdjustment(name string, n int) error {
	if n < math.MinInt32 || n > math.MaxInt32 {
		return Invalid("%s must be between %d and %d", name, math.MinInt32, math.MaxInt32)
	}
	return nil
}

// checkCapacity checks the upper end of a capacity by its name; nil where none was given.
func checkCapacity(name string, n *int) error {
	if Or(n, 0) > capacityMax {
		return Invalid("%s cannot be more than %d", name, capacityMax)
	}
	return nil
}

// checkTime checks a moment by its name: it can be encoded, and what is due then can be reached.
func checkTime(name string, t time.Time) error {
	if t.Year() < 0 || t.Year() > lastYear {
		return Invalid("%s must be in the years 0 to %d", name, lastYear)
	}
	return nil
}

// firstOf returns the first error.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
