package ec2autoscaling

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
)

// Activities of deleted groups are dropped before paging: no page is empty, and the last one has no token.
func TestPagesOfActivitiesSkipDeletedGroups(t *testing.T) {
	m := newMemory(t)
	do := func(in engine.Input) {
		t.Helper()
		if _, err := m.world.Do(in); err != nil {
			t.Fatal(err)
		}
	}
	do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "kept"}, Config: "c"})
	m.run(time.Minute)
	for range 60 { // 180 activities of deleted groups, newer than three expected ones and older than three more
		do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "gone"}, Config: "c"})
		m.run(time.Minute)
		do(engine.DeleteEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "gone"}})
		m.run(time.Minute)
	}
	do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "late"}, Config: "c"})
	m.run(time.Minute)
	var pages []string
	token := ""
	for {
		got := m.ok("DescribeScalingActivities", "MaxRecords=4&NextToken="+token)
		names := elements(got, "AutoScalingGroupName")
		for i, name := range names {
			names[i], _, _ = strings.Cut(name, ".")
		}
		pages = append(pages, strings.Join(names, " "))
		next := elements(got, "NextToken")
		if len(next) == 0 {
			break
		}
		token = next[0]
	}
	if want := []string{"late late late kept", "kept kept chat chat", "chat"}; !slices.Equal(pages, want) {
		t.Errorf("%q, want %q", pages, want)
	}
	if got := m.ok("DescribeScalingActivities", "MaxRecords=9"); len(elements(got, "NextToken")) != 0 || len(elements(got, "ActivityId")) != 9 {
		t.Error("a token although nothing follows: ", got)
	}
}

// Groups formerly had names with a slash: requests, ARNs and Terraform state of that time still work, and responses have the new name.
func TestFormerGroupNames(t *testing.T) {
	m := newMemory(t)
	m.ok("UpdateAutoScalingGroup", "AutoScalingGroupName=chat/blue&MinSize=1&MaxSize=4")
	put := m.ok("PutScalingPolicy", "AutoScalingGroupName=chat/blue&PolicyName=p&AdjustmentType=ChangeInCapacity&ScalingAdjustment=1")
	arn := elements(put, "PolicyARN")[0]
	if !strings.HasSuffix(arn, ":autoScalingGroupName/chat.blue:policyName/p") {
		t.Error(arn)
	}
	group := elements(m.ok("DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1=chat/blue"), "AutoScalingGroupARN")
	if len(group) != 1 || !strings.HasSuffix(group[0], ":autoScalingGroupName/chat.blue") {
		t.Fatal(group)
	}
	former := strings.Replace(group[0], "chat.blue", "chat/blue", 1)
	if again := elements(m.ok("DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1="+former), "AutoScalingGroupARN"); !slices.Equal(again, group) {
		t.Error(again)
	}
	for _, parameters := range []string{"PolicyNames.member.1=" + strings.Replace(arn, "chat.blue", "chat/blue", 1), "AutoScalingGroupName=" + former} {
		if got := elements(m.ok("DescribePolicies", parameters), "PolicyARN"); !slices.Equal(got, []string{arn}) {
			t.Errorf("%s: %v", parameters, got)
		}
	}
	if got := elements(m.ok("DescribeScalingActivities", "AutoScalingGroupName=chat/blue"), "AutoScalingGroupName"); !slices.Equal(got, []string{"chat.blue"}) {
		t.Error(got)
	}
}
