package awsapi

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
)

// ownTags is the key prefix of tags that this server interprets.
const ownTags = "bellows:"

// CheckOwnTag returns a ValidationException if a tag whose key begins with "bellows:" is unknown or has an unknown value: otherwise a typo
// would be stored silently, and a target in an intended dry run would scale.
func CheckOwnTag(key, value string) error {
	if !strings.HasPrefix(key, ownTags) {
		return nil
	}
	switch {
	case key == scaling.DryRunTag, key == scaling.WakeTag:
		if value != "true" && value != "false" {
			return Validation("The value of the tag %s is %q: it must be \"true\" or \"false\".", key, value)
		}
	case key == engine.ConcurrencyTag, strings.HasPrefix(key, engine.ConcurrencyTag+":"):
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > engine.ConcurrencyMax {
			return Validation("The value of the tag %s is %q: it must be a number from 1 to %d.", key, value, engine.ConcurrencyMax)
		}
	default:
		return Validation("The tag key %q is not known. Keys that begin with %q are reserved for %s, %s, %s and %s:VARIANT.",
			key, ownTags, scaling.DryRunTag, scaling.WakeTag, engine.ConcurrencyTag, engine.ConcurrencyTag)
	}
	return nil
}

// CheckOwnTags checks tags as CheckOwnTag does, in the order of their keys.
func CheckOwnTags(tags map[string]string) error {
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if err := CheckOwnTag(k, tags[k]); err != nil {
			return err
		}
	}
	return nil
}
