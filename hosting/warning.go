package hosting

// Things that an endpoint's owner asked for and does not get. What is refused today may be in models and configs of earlier versions.
const (
	VPCNotApplied        WarningKind = iota + 1 // instances run on the machine's own network
	IsolationNotApplied                         // instances can make and take network calls
	EncryptionNotApplied                        // the KMS key encrypts nothing
)

// WarningKind is what an endpoint does not get.
type WarningKind int

// String returns the kind's name.
func (k WarningKind) String() string {
	switch k {
	case VPCNotApplied:
		return "VpcConfigNotApplied"
	case IsolationNotApplied:
		return "NetworkIsolationNotApplied"
	case EncryptionNotApplied:
		return "EncryptionNotApplied"
	default:
		return "invalid"
	}
}

// Text says what is not done.
func (k WarningKind) Text() string {
	switch k {
	case VPCNotApplied:
		return "its VpcConfig is kept and has no effect: instances run on this machine's own network, and no security group guards them"
	case IsolationNotApplied:
		return "EnableNetworkIsolation has no effect: instances can make network calls; create the model without it"
	case EncryptionNotApplied:
		return "its KmsKeyId encrypts nothing: create the endpoint config without it, and encrypt this machine's disk"
	default:
		return "invalid"
	}
}

// Warnings returns what a variant's owner asked for and does not get.
func (r *Registry) Warnings(e *Endpoint, v *Variant) []WarningKind {
	vpc, isolation, encryption := v.Model.VPC != nil, v.Model.NetworkIsolation, false
	if c := r.Configs[e.Config]; c != nil {
		vpc, isolation, encryption = vpc || c.VPC != nil, isolation || c.NetworkIsolation, c.KMSKeyID != ""
	}
	var out []WarningKind
	for _, w := range []struct {
		is   bool
		kind WarningKind
	}{{vpc, VPCNotApplied}, {isolation, IsolationNotApplied}, {encryption, EncryptionNotApplied}} {
		if w.is {
			out = append(out, w.kind)
		}
	}
	return out
}
