package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/listing"
)

// activitiesRead is how many of the newest activities of a variant are examined.
const activitiesRead = 20

// defaultCooldown is that of policies which state none. AWS: TargetTrackingScalingPolicyConfiguration, ScaleOutCooldown.
const defaultCooldown = 300 * time.Second

// endpoints examines variants, their policies and alarms.
func (x *examination) endpoints(ctx context.Context) {
	list, err := listing.ReadVariants(ctx, x.Client, listing.VariantsQuery{Text: x.Endpoint})
	if err != nil {
		x.failed(err)
		return
	}
	if list.Trouble != "" {
		x.add("server", x.Client.Name(), Bad, list.Trouble, "The server's log says more; it tries again by itself.")
	}
	found := 0
	for _, v := range list.Variants {
		if x.Endpoint != "" && v.Endpoint != x.Endpoint || v.Region != x.Client.Region() {
			continue
		}
		found++
		x.variant(ctx, v)
	}
	if x.Endpoint != "" && found == 0 {
		x.add("endpoint", x.Endpoint, Bad, "there is no such endpoint in "+x.Client.Region(), "`bellows endpoints` lists the endpoints.")
	}
	x.alarms(ctx)
}

// failed adds the finding of a call that failed.
func (x *examination) failed(err error) {
	err = client.Plain(err)
	x.add("server", x.Client.Name(), Bad, err.Error(), client.Next(err))
}

// variant examines one variant.
func (x *examination) variant(ctx context.Context, v listing.Variant) {
	name, before := v.Endpoint+"/"+v.Variant, len(x.Findings)
	switch {
	case v.Status == "Failed":
		x.add("endpoint", name, Bad, "it has failed: "+v.Trouble, "Deploy it again with `bellows deploy --name "+v.Endpoint+" …` after `bellows delete "+v.Endpoint+"`.")
	case v.Trouble != "" && v.Health != "healthy":
		x.add("endpoint", name, Bad, v.Trouble, "`bellows instances "+name+"` says which instance; its log says why /ping is not answered.")
	}
	x.instances(ctx, v)
	for _, w := range v.Warnings {
		x.add("scaling", name, Warning, w, "`bellows explain "+name+"` has every number.")
	}
	x.startup(ctx, v)
	x.quota(ctx, v)
	if len(x.Findings) == before {
		x.add("endpoint", name, OK, fmt.Sprintf("%s, %d of %d instances in service", v.Status, v.Running, v.Desired), "")
	}
}

// instances examines whether each instance answers /ping.
func (x *examination) instances(ctx context.Context, v listing.Variant) {
	if x.Client.AWS() || v.Running == v.Desired {
		return
	}
	all, err := listing.ReadInstances(ctx, x.Client, v.Endpoint, v.Variant)
	if err != nil {
		x.failed(err)
		return
	}
	for _, i := range all {
		if i.Reason != "" {
			x.add("instances", i.ID, Bad, "it does not serve: "+i.Reason, "Its model server has to answer GET /ping with 200 on SAGEMAKER_BIND_TO_PORT; its log says what it does instead.")
		}
	}
}

// startup compares how long instances take to start with the cooldown in which a policy waits for them.
func (x *examination) startup(ctx context.Context, v listing.Variant) {
	if x.Client.AWS() || !v.Scaled {
		return
	}
	lives, err := listing.ReadLives(ctx, x.Client, v.Endpoint, v.Variant, 24*time.Hour)
	if err != nil {
		x.failed(err)
		return
	}
	var seconds []float64
	for _, l := range lives {
		if s := l.Start(); s > 0 {
			seconds = append(seconds, s)
		}
	}
	if len(seconds) == 0 {
		return
	}
	slices.Sort(seconds)
	usual := time.Duration(seconds[len(seconds)/2] * float64(time.Second))
	policies, err := listing.ReadPolicies(ctx, x.Client, v.Endpoint, v.Variant)
	if err != nil {
		x.failed(err)
		return
	}
	for _, p := range policies {
		cooldown := defaultCooldown
		switch t := p.TargetTrackingScalingPolicyConfiguration; {
		case t == nil:
			continue
		case t.ScaleOutCooldown != nil:
			cooldown = time.Duration(*t.ScaleOutCooldown) * time.Second
		}
		if usual > cooldown {
			x.add("start-up", v.Endpoint+"/"+v.Variant, Warning, fmt.Sprintf("an instance usually takes %s to start, longer than the scale-out cooldown of %s of policy %s: it scales out "+
				"again before the first instances serve", usual.Round(time.Second), cooldown, aws.ToString(p.PolicyName)),
				fmt.Sprintf("Set ScaleOutCooldown to %d or more, or make the start shorter (`bellows instances` has its slowest stage).", int(usual.Seconds())+1))
		}
	}
}

// quota reports scaling activities that failed, as for want of capacity.
func (x *examination) quota(ctx context.Context, v listing.Variant) {
	if !v.Scaled {
		return
	}
	all, err := listing.ReadActivities(ctx, x.Client, listing.ActivitiesQuery{Endpoint: v.Endpoint, Variant: v.Variant, Limit: activitiesRead})
	if err != nil {
		x.failed(err)
		return
	}
	if len(all) > 0 && all[0].StatusCode == scalingtypes.ScalingActivityStatusCodeFailed {
		x.add("quota", v.Endpoint+"/"+v.Variant, Bad, "the newest scaling activity failed: "+aws.ToString(all[0].StatusMessage),
			"Lower the maximum (`bellows scale "+v.Endpoint+"/"+v.Variant+" --max N`), or raise the quota, or capacity: in bellows.yaml.")
	}
}

// alarms reports alarms whose actions name policies that do not exist and, of AWS, alarms of policies without data.
func (x *examination) alarms(ctx context.Context) {
	metric, _, err := listing.ReadAlarms(ctx, x.Client, listing.AlarmsQuery{Endpoint: x.Endpoint})
	if err != nil {
		x.failed(err)
		return
	}
	policies, err := listing.ReadPolicies(ctx, x.Client, "", "")
	if err != nil {
		x.failed(err)
		return
	}
	known := map[string]bool{}
	for _, p := range policies {
		known[aws.ToString(p.PolicyARN)] = true
	}
	for _, a := range metric {
		name := aws.ToString(a.AlarmName)
		for _, arn := range slices.Concat(a.AlarmActions, a.OKActions, a.InsufficientDataActions) {
			if strings.Contains(arn, ":scalingPolicy:") && strings.Contains(arn, ":resource/sagemaker/") && !known[arn] {
				x.add("alarm", name, Bad, "its action names a scaling policy that does not exist: "+arn, "Put the policy again and the alarm with its new ARN, or delete the alarm.")
			}
		}
		if x.Client.AWS() && a.StateValue == "INSUFFICIENT_DATA" && len(a.AlarmActions) > 0 && time.Since(aws.ToTime(a.StateUpdatedTimestamp)) > time.Hour {
			x.add("alarm", name, Warning, "it has had no data for an hour: the policy that it invokes does nothing", "Check the metric's name, dimensions and unit, and whether anything publishes it.")
		}
	}
}
