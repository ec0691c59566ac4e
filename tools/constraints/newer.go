package main

import (
	"slices"
	"strings"
)

// amend brings a model of aws-sdk-go v1.55.8 up to the members and operations that AWS's API references have since: that SDK has ended.
func amend(name string, m *model) {
	switch name {
	case "monitoring":
		amendMonitoring(m)
	case "application-autoscaling":
		amendApplicationAutoScaling(m)
	case "sagemaker":
		amendSageMaker(m)
	}
}

// amendSageMaker takes away what the service checks by hand: instance types are those of a table that an operator can extend, and model
// data may be a file:// URI. It adds what a variant has since. AWS: ProductionVariant.
func amendSageMaker(m *model) {
	types := m.Shapes["ProductionVariantInstanceType"]
	types.Enum = nil
	m.Shapes["ProductionVariantInstanceType"] = types
	for _, name := range []string{"Url", "S3ModelUri"} {
		uri := m.Shapes[name]
		uri.Pattern = ""
		m.Shapes[name] = uri
	}
	m.Shapes["ProductionVariant"].Members["VariantInstanceProvisionTimeoutInSeconds"] = ref{"VariantInstanceProvisionTimeoutInSeconds"}
	m.Shapes["VariantInstanceProvisionTimeoutInSeconds"] = bounds("integer", 300, 3600)
}

func bounds(kind string, least, most float64) modelShape {
	return modelShape{Type: kind, Min: &least, Max: &most}
}

// amendMonitoring adds PromQL alarms and what belongs to them. AWS: PutMetricAlarm, DescribeAlarmContributors, AlarmPromQLCriteria.
// PutMetricData takes datums with entities, too.
func amendMonitoring(m *model) {
	put := m.Shapes["PutMetricAlarmInput"]
	put.Required = slices.DeleteFunc(put.Required, func(s string) bool { return s != "AlarmName" })
	put.Members["EvaluationCriteria"], put.Members["EvaluationInterval"] = ref{"EvaluationCriteria"}, ref{"EvaluationInterval"}
	m.Shapes["PutMetricAlarmInput"] = put
	m.Shapes["EvaluationInterval"] = bounds("integer", 10, 3600)
	m.Shapes["EvaluationCriteria"] = modelShape{Type: "structure", Members: map[string]ref{"PromQLCriteria": {"AlarmPromQLCriteria"}}}
	m.Shapes["AlarmPromQLCriteria"] = modelShape{
		Type: "structure", Required: []string{"Query"},
		Members: map[string]ref{"Query": {"PromQLQuery"}, "PendingPeriod": {"PromQLPeriod"}, "RecoveryPeriod": {"PromQLPeriod"}},
	}
	m.Shapes["PromQLQuery"], m.Shapes["PromQLPeriod"] = bounds("string", 1, 10_000), bounds("integer", 0, 86_400)

	namespace := m.Shapes["Namespace"]
	namespace.Pattern = "" // a namespace may begin with a colon, whatever the model says: recorded
	m.Shapes["Namespace"] = namespace
	amendAlarms(m)
	states := m.Shapes["StateValue"]
	states.Enum = []string{"INSUFFICIENT_DATA", "ALARM", "OK"} // in the order of AWS's refusals: recorded
	m.Shapes["StateValue"] = states

	data := m.Shapes["PutMetricDataInput"]
	data.Required, data.Members["EntityMetricData"] = []string{"Namespace"}, ref{"EntityMetricDataList"}
	m.Shapes["PutMetricDataInput"] = data
	m.Shapes["EntityMetricDataList"] = modelShape{Type: "list", Member: ref{"EntityMetricData"}}
	m.Shapes["EntityMetricData"] = modelShape{Type: "structure", Members: map[string]ref{"MetricData": {"MetricData"}}}

	kinds := m.Shapes["HistoryItemType"]
	kinds.Enum = append(kinds.Enum, "AlarmContributorStateUpdate", "AlarmContributorAction")
	m.Shapes["HistoryItemType"] = kinds
	alarms := m.Shapes["AlarmType"]
	alarms.Enum = append(alarms.Enum, "LogAlarm")
	m.Shapes["AlarmType"] = alarms
	history := m.Shapes["DescribeAlarmHistoryInput"]
	history.Members["AlarmContributorId"] = ref{"ContributorId"}
	m.Shapes["DescribeAlarmHistoryInput"] = history
	m.Shapes["ContributorId"] = bounds("string", 1, 16)

	m.Operations["DescribeAlarmContributors"] = operation{Input: ref{"DescribeAlarmContributorsInput"}}
	m.Shapes["DescribeAlarmContributorsInput"] = modelShape{
		Type: "structure", Required: []string{"AlarmName"}, Members: map[string]ref{"AlarmName": {"AlarmName"}, "NextToken": {"NextToken"}},
	}
}

// amendAlarms adds evaluation windows, warm-up periods and mute rules. AWS: PutMetricAlarm, EvaluationWindow, WarmUpConfiguration;
// PutAlarmMuteRule, GetAlarmMuteRule, ListAlarmMuteRules, DeleteAlarmMuteRule.
func amendAlarms(m *model) {
	structure := func(name, required string, members map[string]ref) {
		m.Shapes[name] = modelShape{Type: "structure", Required: strings.Fields(required), Members: members}
	}
	put := m.Shapes["PutMetricAlarmInput"]
	put.Members["EvaluationWindow"], put.Members["WarmUpConfiguration"] = ref{"EvaluationWindow"}, ref{"WarmUpConfiguration"}
	structure("EvaluationWindow", "", map[string]ref{"SlidingWindow": {"SlidingWindow"}, "WallClockWindow": {"WallClockWindow"}})
	structure("SlidingWindow", "", nil)
	structure("WallClockWindow", "", map[string]ref{"Timezone": {"ShortText"}})
	structure("WarmUpConfiguration", "WarmUpPeriodDurationInMinutes", map[string]ref{"WarmUpPeriodDurationInMinutes": {"WarmUpPeriod"}})
	m.Shapes["WarmUpPeriod"], m.Shapes["ShortText"] = bounds("integer", 1, 2880), bounds("string", 1, 50)

	m.Shapes["MuteRuleName"], m.Shapes["MuteExpression"] = bounds("string", 1, 255), bounds("string", 1, 256)
	structure("Rule", "Schedule", map[string]ref{"Schedule": {"Schedule"}})
	structure("Schedule", "Expression Duration", map[string]ref{
		"Expression": {"MuteExpression"}, "Duration": {"ShortText"}, "Timezone": {"ShortText"},
	})
	structure("MuteTargets", "AlarmNames", map[string]ref{"AlarmNames": {"MuteTargetAlarmNameList"}})
	most := 100.0
	m.Shapes["MuteTargetAlarmNameList"] = modelShape{Type: "list", Member: ref{"MuteRuleName"}, Max: &most}
	m.Shapes["AlarmMuteRuleStatuses"] = modelShape{Type: "list", Member: ref{"AlarmMuteRuleStatus"}}
	m.Shapes["AlarmMuteRuleStatus"] = modelShape{Type: "string", Enum: []string{"SCHEDULED", "ACTIVE", "EXPIRED"}}
	for name, members := range map[string]map[string]ref{
		"PutAlarmMuteRule": {
			"Name": {"MuteRuleName"}, "Description": {"AlarmDescription"}, "Rule": {"Rule"}, "MuteTargets": {"MuteTargets"}, "Tags": {"TagList"},
			"StartDate": {"Timestamp"}, "ExpireDate": {"Timestamp"},
		},
		"GetAlarmMuteRule":    {"AlarmMuteRuleName": {"MuteRuleName"}},
		"DeleteAlarmMuteRule": {"AlarmMuteRuleName": {"MuteRuleName"}},
		"ListAlarmMuteRules": {
			"AlarmName": {"MuteRuleName"}, "Statuses": {"AlarmMuteRuleStatuses"}, "MaxRecords": {"MaxRecords"}, "NextToken": {"NextToken"},
		},
	} {
		m.Operations[name] = operation{Input: ref{name + "Input"}}
		required := map[string]string{"PutAlarmMuteRule": "Name Rule", "ListAlarmMuteRules": ""}
		needs, known := required[name]
		if !known {
			needs = "AlarmMuteRuleName"
		}
		structure(name+"Input", needs, members)
	}
}

// amendApplicationAutoScaling adds predictive scaling. AWS: PutScalingPolicy, PredictiveScalingPolicyConfiguration and the types that it
// names; GetPredictiveScalingForecast. The least number of queries is checked by hand, so that the text is the service's.
func amendApplicationAutoScaling(m *model) {
	kinds := m.Shapes["PolicyType"]
	kinds.Enum = append(kinds.Enum, "PredictiveScaling")
	m.Shapes["PolicyType"] = kinds
	m.Shapes["PutScalingPolicyRequest"].Members["PredictiveScalingPolicyConfiguration"] = ref{"PredictiveScalingPolicyConfiguration"}

	structure := func(name, required string, members map[string]ref) {
		m.Shapes[name] = modelShape{Type: "structure", Required: strings.Fields(required), Members: members}
	}
	structure("PredictiveScalingPolicyConfiguration", "MetricSpecifications", map[string]ref{
		"MetricSpecifications": {"PredictiveScalingMetricSpecifications"}, "Mode": {"PredictiveScalingMode"},
		"SchedulingBufferTime":      {"PredictiveScalingSchedulingBufferTime"},
		"MaxCapacityBreachBehavior": {"PredictiveScalingMaxCapacityBreachBehavior"}, "MaxCapacityBuffer": {"PredictiveScalingMaxCapacityBuffer"},
	})
	m.Shapes["PredictiveScalingMode"] = modelShape{Type: "string", Enum: []string{"ForecastOnly", "ForecastAndScale"}}
	m.Shapes["PredictiveScalingMaxCapacityBreachBehavior"] = modelShape{
		Type: "string", Enum: []string{"HonorMaxCapacity", "IncreaseMaxCapacity"},
	}
	m.Shapes["PredictiveScalingSchedulingBufferTime"] = bounds("integer", 0, 3600)
	m.Shapes["PredictiveScalingMaxCapacityBuffer"] = bounds("integer", 0, 100)
	m.Shapes["PredictiveScalingMetricSpecifications"] = modelShape{Type: "list", Member: ref{"PredictiveScalingMetricSpecification"}}
	structure("PredictiveScalingMetricSpecification", "TargetValue", map[string]ref{
		"TargetValue": {"MetricScale"}, "PredefinedMetricPairSpecification": {"PredictiveScalingPredefinedMetric"},
		"PredefinedScalingMetricSpecification":  {"PredictiveScalingPredefinedMetric"},
		"PredefinedLoadMetricSpecification":     {"PredictiveScalingPredefinedMetric"},
		"CustomizedScalingMetricSpecification":  {"PredictiveScalingCustomizedMetricSpecification"},
		"CustomizedLoadMetricSpecification":     {"PredictiveScalingCustomizedMetricSpecification"},
		"CustomizedCapacityMetricSpecification": {"PredictiveScalingCustomizedMetricSpecification"},
	})
	structure("PredictiveScalingPredefinedMetric", "PredefinedMetricType", map[string]ref{
		"PredefinedMetricType": {"PredictiveScalingMetricType"}, "ResourceLabel": {"ResourceLabel"},
	})
	m.Shapes["PredictiveScalingMetricType"] = bounds("string", 1, 128)
	structure("PredictiveScalingCustomizedMetricSpecification", "MetricDataQueries", map[string]ref{
		"MetricDataQueries": {"PredictiveScalingMetricDataQueries"},
	})
	m.Shapes["PredictiveScalingMetricDataQueries"] = modelShape{Type: "list", Member: ref{"PredictiveScalingMetricDataQuery"}}
	structure("PredictiveScalingMetricDataQuery", "Id", map[string]ref{
		"Id": {"Id"}, "Expression": {"Expression"}, "MetricStat": {"PredictiveScalingMetricStat"}, "Label": {"XmlString"},
		"ReturnData": {"ReturnData"},
	})
	structure("PredictiveScalingMetricStat", "Metric Stat", map[string]ref{
		"Metric": {"TargetTrackingMetric"}, "Stat": {"XmlString"}, "Unit": {"TargetTrackingMetricUnit"},
	})

	m.Operations["GetPredictiveScalingForecast"] = operation{Input: ref{"GetPredictiveScalingForecastRequest"}}
	structure("GetPredictiveScalingForecastRequest", "ServiceNamespace ResourceId ScalableDimension PolicyName StartTime EndTime", map[string]ref{
		"ServiceNamespace": {"ServiceNamespace"}, "ResourceId": {"ResourceIdMaxLen1600"}, "ScalableDimension": {"ScalableDimension"},
		"PolicyName": {"PolicyName"}, "StartTime": {"TimestampType"}, "EndTime": {"TimestampType"},
	})
}
