package main

import "slices"

// amend brings a model of aws-sdk-go v1.55.8 up to the members and operations that AWS's API references have since: that SDK has ended.
func amend(name string, m *model) {
	if name == "monitoring" {
		amendMonitoring(m)
	}
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
