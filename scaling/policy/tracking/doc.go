// Package tracking is target tracking: a policy that keeps a metric near a target value by the capacity that its load needs. The rule is in
// propose.go, its alarms are in alarms.go, what a client may ask for is in check.go.
//
// AWS: target tracking scaling policies, Application Auto Scaling user guide; EC2 Auto Scaling user guide.
package tracking
