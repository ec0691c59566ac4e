package config

import (
	"maps"
	"slices"
	"strings"
)

// InUse is what models and endpoints use of a configuration, each with the names of those that use it, such as "model iris".
type InUse struct {
	Images        map[string][]string
	ModelData     map[string][]string // by URI
	InstanceTypes map[string][]string
}

// Kept is a part of the configuration that stays because it is in use.
type Kept struct {
	Setting string // images, model_data or instance_types
	Name    string // the image, URI or instance type
	Users   []string
}

// KeepInUse returns the configuration with what it lacks of an earlier one and what is in use: the commands of images, the folders and stores
// of model data, and the sizes of instance types. Without them, what runs could not be started again.
func (c Config) KeepInUse(before *Config, use InUse) (out Config, kept []Kept) {
	out = c
	out.Images, out.InstanceTypes = slices.Clone(c.Images), slices.Clone(c.InstanceTypes)
	for _, name := range slices.Sorted(maps.Keys(use.Images)) {
		x := before.image(name)
		if _, err := out.Program(name); err == nil || x == nil {
			continue
		}
		entry := *x
		entry.Image = literally(name)
		out.Images = append(out.Images, entry)
		kept = append(kept, Kept{"images", name, use.Images[name]})
	}
	for _, uri := range slices.Sorted(maps.Keys(use.ModelData)) {
		if out.ModelData.keep(&before.ModelData, uri) {
			kept = append(kept, Kept{"model_data", uri, use.ModelData[uri]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(use.InstanceTypes)) {
		i := slices.IndexFunc(before.InstanceTypes, func(t InstanceType) bool { return t.Type == name })
		if _, known := out.Types()[name]; known || i < 0 {
			continue
		}
		out.InstanceTypes = append(out.InstanceTypes, before.InstanceTypes[i])
		kept = append(kept, Kept{"instance_types", name, use.InstanceTypes[name]})
	}
	return out, kept
}

// keep adds the folder or store that served a URI before, where nothing serves it now. It reports whether it did.
func (c *ModelData) keep(before *ModelData, uri string) bool {
	now, err := c.Settings()
	if err != nil {
		return false // a file with a key has gone since it was checked; the caller notices
	}
	earlier, _ := before.Settings() // only its patterns are of interest
	folder, store := now.Serving(uri)
	wasFolder, wasStore := earlier.Serving(uri)
	switch {
	case folder >= 0 || store >= 0:
		return false
	case wasFolder >= 0:
		c.Folders = append(slices.Clip(c.Folders), before.Folders[wasFolder])
		return true
	case wasStore >= 0:
		x := before.Stores[wasStore]
		x.Bucket = literally(bucketOf(uri))
		c.Stores = append(slices.Clip(c.Stores), x)
		return true
	default:
		return false
	}
}

func bucketOf(uri string) string {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	return bucket
}

// literally returns a pattern that matches one text alone.
func literally(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}
