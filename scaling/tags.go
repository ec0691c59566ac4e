package scaling

import (
	"maps"
	"strings"
)

// ByID finds a registered target by the identifier in its ARN. It fails with KindResourceNotFound.
func (r *Registry) ByID(id36 string) (*Target, error) {
	if t := r.byID[id36]; t != nil {
		return t, nil
	}
	return nil, Refuse(KindResourceNotFound, "Scalable Target not found")
}

// Tag adds or replaces tags of a target. It fails with KindValidation, KindResourceNotFound or KindTooManyTags.
func (r *Registry) Tag(id36 string, tags map[string]string) error {
	if len(tags) == 0 {
		return Invalid("Tags cannot be empty")
	}
	t, err := r.ByID(id36)
	if err != nil {
		return err
	}
	if err := checkTags(t.Tags, tags); err != nil {
		return err
	}
	if t.Tags == nil {
		t.Tags = map[string]string{}
	}
	maps.Copy(t.Tags, tags)
	return nil
}

// Untag removes tags of a target; keys that it does not have are ignored. It fails with KindValidation or KindResourceNotFound.
func (r *Registry) Untag(id36 string, keys []string) error {
	if len(keys) == 0 {
		return Invalid("TagKeys cannot be null or empty")
	}
	t, err := r.ByID(id36)
	if err != nil {
		return err
	}
	for _, k := range keys {
		delete(t.Tags, k)
	}
	return nil
}

// checkTags checks tags that are to be added to those a target has.
func checkTags(has, add map[string]string) error {
	n := len(has)
	for k := range add { //tidy:unordered counted; every refusal is the same
		if strings.HasPrefix(k, "aws:") {
			return Invalid("Caller is an end user and not allowed to mutate system tags")
		}
		if _, found := has[k]; !found {
			n++
		}
	}
	if n > TagsMax {
		return Refuse(KindTooManyTags, "A scalable target can have at most %d tags.", TagsMax)
	}
	return nil
}
