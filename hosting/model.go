package hosting

import (
	"math"
	"time"
)

// Model is an immutable description of what an instance runs.
// AWS: SageMaker API reference, CreateModel.
type Model struct {
	Name             string
	Created          time.Time
	Container        Container
	InContainers     bool // the caller listed its one container in Containers, not in PrimaryContainer
	ExecutionRole    string
	NetworkIsolation bool
	VPC              *VPC
	Tags             Tags
}

// Container is the part of a container definition that is kept: Image, ModelDataURL, ModelDataSource and Environment are used,
// the rest is echoed when the model is described.
type Container struct {
	Image            string
	ModelDataURL     string     // a .tar.gz archive; "" where ModelDataSource is given, or the model has no data
	ModelDataSource  *ModelData `json:",omitempty"`
	Environment      map[string]string
	Hostname         string
	Mode             string // "" or SingleModel
	RepositoryAccess string // ImageConfig.RepositoryAccessMode
}

// ModelData says where model data is and in what form.
// AWS: SageMaker API reference, ContainerDefinition (ModelDataUrl) and S3ModelDataSource.
type ModelData struct {
	// URI is s3://bucket/key, or file:///path as an extension.
	URI string

	// Prefix: the data is every object whose key begins with the URI's, which ends with "/". Otherwise it is one object.
	Prefix bool `json:",omitzero"`

	// Archive: the object is a gzip-compressed tar archive to be unpacked.
	Archive bool `json:",omitzero"`

	// ETag is what the object's ETag must be; "" for any.
	ETag string `json:",omitzero"`
}

// ModelData returns the container's model data; the zero value where it has none.
func (c Container) ModelData() ModelData {
	switch {
	case c.ModelDataSource != nil:
		return *c.ModelDataSource
	case c.ModelDataURL != "":
		return ModelData{URI: c.ModelDataURL, Archive: true}
	default:
		return ModelData{}
	}
}

// VPC is kept to be described; instances run on this machine's network.
type VPC struct {
	SecurityGroupIDs []string
	Subnets          []string
}

// EndpointConfig is an immutable list of the variants an endpoint should have.
// AWS: SageMaker API reference, CreateEndpointConfig.
type EndpointConfig struct {
	Name             string
	Created          time.Time
	Variants         []VariantConfig
	KMSKeyID         string
	ExecutionRole    string
	NetworkIsolation bool
	VPC              *VPC
	Tags             Tags
}

// VariantConfig is one production variant as configured.
type VariantConfig struct {
	Name            string
	Model           string
	InitialCount    int // instances, 1 or more
	InitialWeight   float64
	InstanceType    string
	VolumeSizeGB    int           // 0: not set
	DownloadTimeout time.Duration // ModelDataDownloadTimeoutInSeconds; 0: not set
	StartupTimeout  time.Duration // ContainerStartupHealthCheckTimeoutInSeconds; 0: the server's default

	// ProvisionTimeout is VariantInstanceProvisionTimeoutInSeconds: how long to wait for capacity; 0: half an hour.
	ProvisionTimeout time.Duration `json:",omitzero"`

	Routing    Routing
	AMIVersion string
	SSMAccess  bool
}

// Routing says how invocations are spread over a variant's instances.
type Routing int

// Routing strategies. RoutingUnset means RANDOM and is described as absent.
const (
	RoutingUnset Routing = iota
	RoutingRandom
	RoutingLeastOutstanding
)

// String returns SageMaker's name.
func (r Routing) String() string {
	switch r {
	case RoutingRandom:
		return "RANDOM"
	case RoutingLeastOutstanding:
		return "LEAST_OUTSTANDING_REQUESTS"
	default:
		return ""
	}
}

// CreateModel registers a model. It fails with an *Error where its name is taken.
func (r *Registry) CreateModel(now time.Time, m Model) error {
	if _, found := r.Models[m.Name]; found {
		return exists(ResourceModel, m.Name)
	}
	m.Created = now
	r.Models[m.Name] = &m
	return nil
}

// DeleteModel forgets a model, or fails with an *Error where there is none. Endpoints that use it go on: their variants keep what they need of it.
func (r *Registry) DeleteModel(name string) error {
	if _, found := r.Models[name]; !found {
		return notFound(ResourceModel, name)
	}
	delete(r.Models, name)
	return nil
}

// InstancesMax is how many instances an endpoint may have: more could not be held in memory, however few could start. AWS has quotas an
// account and instance type, far lower.
const InstancesMax = 10_000

// CreateConfig registers an endpoint config. It fails with an *Error where its name is taken or one of its models does not exist.
func (r *Registry) CreateConfig(now time.Time, c EndpointConfig) error {
	if _, found := r.Configs[c.Name]; found {
		return exists(ResourceConfig, c.Name)
	}
	seen := map[string]bool{}
	for _, v := range c.Variants {
		if seen[v.Name] {
			return invalid("Production variant names must be unique. Found the name %q more than once.", v.Name)
		}
		seen[v.Name] = true
		if !validWeight(v.InitialWeight) {
			return invalid("InitialVariantWeight of variant %q must be a finite number of 0 or more.", v.Name)
		}
		if v.InitialCount < 0 {
			return invalid("InitialInstanceCount of variant %q must not be negative.", v.Name)
		}
		if err := v.check(); err != nil {
			return err
		}
		if _, found := r.Models[v.Model]; !found {
			return notFound(ResourceModel, v.Model)
		}
	}
	if c.instances() > InstancesMax {
		return tooMany()
	}
	c.Created = now
	r.Configs[c.Name] = &c
	return nil
}

// Ranges of a variant's numbers beyond AWS's own, which the API checks.
const (
	timeoutMax = 24 * time.Hour
	volumeMax  = 1 << 20 // GB
)

// check refuses numbers that no variant can be run by.
func (v *VariantConfig) check() error {
	for _, x := range [...]struct {
		member string
		d      time.Duration
	}{
		{"ModelDataDownloadTimeoutInSeconds", v.DownloadTimeout},
		{"ContainerStartupHealthCheckTimeoutInSeconds", v.StartupTimeout},
		{"VariantInstanceProvisionTimeoutInSeconds", v.ProvisionTimeout},
	} {
		if x.d < 0 || x.d > timeoutMax {
			return invalid("%s of variant %q must be between 0 and %d.", x.member, v.Name, timeoutMax/time.Second)
		}
	}
	switch {
	case v.VolumeSizeGB < 0 || v.VolumeSizeGB > volumeMax:
		return invalid("VolumeSizeInGB of variant %q must be between 0 and %d.", v.Name, volumeMax)
	case v.Routing < RoutingUnset || v.Routing > RoutingLeastOutstanding:
		return invalid("RoutingStrategy of variant %q is not valid.", v.Name)
	}
	return nil
}

// instances returns how many instances the config begins with.
func (c *EndpointConfig) instances() int {
	n := 0
	for _, v := range c.Variants {
		n += min(v.InitialCount, InstancesMax+1) // no sum overflows
	}
	return n
}

// validWeight reports whether a variant's weight is a number that weights can be added to.
func validWeight(w float64) bool { return w >= 0 && w <= math.MaxFloat32 }

// DeleteConfig forgets an endpoint config, also one in use, as AWS does. It fails with an *Error where there is none.
func (r *Registry) DeleteConfig(name string) error {
	if _, found := r.Configs[name]; !found {
		return notFound(ResourceConfig, name)
	}
	delete(r.Configs, name)
	return nil
}
