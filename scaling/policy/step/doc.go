// Package step is step scaling: a policy that changes the capacity by the adjustment that belongs to the size of the breach. The rule is in
// propose.go, what a client may ask for is in check.go.
//
// AWS: step scaling policies, Application Auto Scaling user guide; EC2 Auto Scaling user guide.
package step
