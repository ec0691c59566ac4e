// The AWS SDK for JavaScript, unmodified, against a running server: what its users do with metrics, alarms, endpoints and scaling.
import assert from "node:assert/strict";
import * as cw from "@aws-sdk/client-cloudwatch";
import * as aas from "@aws-sdk/client-application-auto-scaling";
import * as sm from "@aws-sdk/client-sagemaker";
import * as rt from "@aws-sdk/client-sagemaker-runtime";

const config = { region: process.env.AWS_DEFAULT_REGION, maxAttempts: 1 };
const metrics = new cw.CloudWatchClient(config);
const scaling = new aas.ApplicationAutoScalingClient(config);
const hosting = new sm.SageMakerClient(config);
const runtime = new rt.SageMakerRuntimeClient(config);
const now = Date.now();
const span = { StartTime: new Date(now - 3600e3), EndTime: new Date(now + 3600e3) };

async function refused(name, text, send) {
  await assert.rejects(send, (e) => {
    assert.equal(e.name, name, e);
    assert.ok(text === undefined ? e.message !== undefined : e.message.includes(text), e.message);
    assert.ok(e.$metadata.httpStatusCode >= 400 && e.$metadata.requestId, JSON.stringify(e.$metadata));
    return true;
  });
}

async function putAndRead() {
  const put = (MetricData) => metrics.send(new cw.PutMetricDataCommand({ Namespace: "JS", MetricData }));
  await put([
    { MetricName: "latency", Values: [1, 2, 3, 10], Counts: [4, 3, 2, 1], Unit: "Milliseconds", Dimensions: [{ Name: "Host", Value: "a" }] },
    { MetricName: "latency", StatisticValues: { SampleCount: 2, Sum: 4, Minimum: 1, Maximum: 3 }, Unit: "Seconds", Timestamp: new Date(now - 600e3) },
    { MetricName: "fine", Value: 7.5, StorageResolution: 1 },
  ]);
  await put(Array.from({ length: 1000 }, (_, i) => ({ MetricName: "many", Value: i, Dimensions: [{ Name: "I", Value: String(i) }] }))); // compressed
  const of = { Namespace: "JS", MetricName: "latency", Dimensions: [{ Name: "Host", Value: "a" }] };
  const statistics = await metrics.send(new cw.GetMetricStatisticsCommand({ ...of, ...span, Period: 60, Statistics: ["Sum", "SampleCount", "Maximum"] }));
  assert.equal(statistics.Label, "latency");
  assert.deepEqual(statistics.Datapoints.map((p) => [p.Sum, p.SampleCount, p.Maximum, p.Unit]), [[26, 10, 10, "Milliseconds"]]);
  const extended = await metrics.send(new cw.GetMetricStatisticsCommand({ ...of, ...span, Period: 60, ExtendedStatistics: ["p90", "TC(2:10)"] }));
  assert.ok(Math.abs(extended.Datapoints[0].ExtendedStatistics.p90 - 3) < 0.03, JSON.stringify(extended));
  assert.equal(extended.Datapoints[0].ExtendedStatistics["TC(2:10)"], 3);
  const data = await metrics.send(new cw.GetMetricDataCommand({
    ...span,
    MetricDataQueries: [
      { Id: "sum", MetricStat: { Metric: of, Period: 60, Stat: "Sum" }, ReturnData: false },
      { Id: "twice", Expression: "sum * 2", Label: "two times" },
    ],
  }));
  assert.deepEqual(data.MetricDataResults.map((r) => [r.Id, r.Label, r.Values, r.StatusCode]), [["twice", "two times", [52], "Complete"]]);
  assert.ok(data.MetricDataResults[0].Timestamps[0] instanceof Date);
}

async function list() {
  const seen = [];
  let pages = 0;
  for await (const page of cw.paginateListMetrics({ client: metrics }, { Namespace: "JS", MetricName: "many", RecentlyActive: "PT3H" })) {
    seen.push(...page.Metrics.map((m) => m.Dimensions[0].Value));
    pages++;
  }
  assert.equal(new Set(seen).size, 1000);
  assert.equal(pages, 2);
}

async function refusals() {
  const put = (datum) => () => metrics.send(new cw.PutMetricDataCommand({ Namespace: "JS", MetricData: [{ MetricName: "m", ...datum }] }));
  await refused("InvalidParameterValueException", "The value NaN for parameter MetricData.member.1.Value is invalid.", put({ Value: NaN }));
  await refused("InvalidParameterCombinationException", "are mutually exclusive and you have specified both.", put({ Value: 1, Values: [1] }));
  await refused("InvalidParameterValueException", "The parameter MetricData.member.1.Unit must be a value in the set [ ", put({ Value: 1, Unit: "Parsecs" }));
  await refused("InvalidParameterCombinationException", "At least one of the parameters must be specified.", put({}));
  await refused("InvalidParameterCombinationException", "which exceeds the limit of 1440.", () =>
    metrics.send(new cw.GetMetricStatisticsCommand({ Namespace: "JS", MetricName: "m", ...span, Period: 1, Statistics: ["Sum"] })));
  await refused("ResourceNotFound", undefined, () =>
    metrics.send(new cw.SetAlarmStateCommand({ AlarmName: "none", StateValue: "OK", StateReason: "r" })));
}

async function alarms() {
  await metrics.send(new cw.PutMetricAlarmCommand({
    AlarmName: "js", Namespace: "JS", MetricName: "latency", ExtendedStatistic: "p99", Period: 60, EvaluationPeriods: 3, DatapointsToAlarm: 2,
    Threshold: 5, ComparisonOperator: "GreaterThanThreshold", TreatMissingData: "notBreaching", Tags: [{ Key: "k", Value: "v" }],
  }));
  await cw.waitUntilAlarmExists({ client: metrics, maxWaitTime: 20 }, { AlarmNames: ["js"] });
  const [alarm] = (await metrics.send(new cw.DescribeAlarmsCommand({ AlarmNames: ["js"] }))).MetricAlarms;
  assert.equal(alarm.ExtendedStatistic, "p99");
  assert.equal(alarm.DatapointsToAlarm, 2);
  assert.ok(alarm.AlarmConfigurationUpdatedTimestamp instanceof Date);
  await metrics.send(new cw.SetAlarmStateCommand({ AlarmName: "js", StateValue: "ALARM", StateReason: "by hand" }));
  const history = await metrics.send(new cw.DescribeAlarmHistoryCommand({ AlarmName: "js", HistoryItemType: "StateUpdate" }));
  assert.ok(history.AlarmHistoryItems.some((h) => h.HistorySummary.endsWith("to ALARM")), JSON.stringify(history));
  const tags = await metrics.send(new cw.ListTagsForResourceCommand({ ResourceARN: alarm.AlarmArn }));
  assert.deepEqual(tags.Tags, [{ Key: "k", Value: "v" }]);
  await metrics.send(new cw.DeleteAlarmsCommand({ AlarmNames: ["js"] }));
  assert.deepEqual((await metrics.send(new cw.DescribeAlarmsCommand({ AlarmNamePrefix: "js" }))).MetricAlarms, []);
}

async function composites() {
  for (const name of ["js-a", "js-b"]) {
    await metrics.send(new cw.PutMetricAlarmCommand({
      AlarmName: name, Namespace: "JS", MetricName: "none", Statistic: "Sum", Period: 60, EvaluationPeriods: 1, Threshold: 1,
      ComparisonOperator: "LessThanThreshold", TreatMissingData: "ignore",
    }));
  }
  await metrics.send(new cw.PutCompositeAlarmCommand({ AlarmName: "js-both", AlarmRule: "ALARM(js-a) AND ALARM(js-b)", Tags: [{ Key: "k", Value: "v" }] }));
  await cw.waitUntilCompositeAlarmExists({ client: metrics, maxWaitTime: 20 }, { AlarmNames: ["js-both"], AlarmTypes: ["CompositeAlarm"] });
  const names = [];
  for await (const page of cw.paginateDescribeAlarms({ client: metrics, pageSize: 2 }, { AlarmNamePrefix: "js-", AlarmTypes: ["MetricAlarm", "CompositeAlarm"] })) {
    names.push(...page.MetricAlarms.map((a) => a.AlarmName), ...page.CompositeAlarms.map((a) => a.AlarmName));
  }
  assert.deepEqual(names.sort(), ["js-a", "js-b", "js-both"]);
  await refused("ValidationException", "Cannot delete js-a as there are composite alarm(s) depending on it.", () =>
    metrics.send(new cw.DeleteAlarmsCommand({ AlarmNames: ["js-a"] })));
  await metrics.send(new cw.DeleteAlarmsCommand({ AlarmNames: ["js-both"] }));
  await metrics.send(new cw.DeleteAlarmsCommand({ AlarmNames: ["js-a", "js-b"] }));
  const history = [];
  for await (const page of cw.paginateDescribeAlarmHistory({ client: metrics, pageSize: 1 }, { AlarmName: "js-both", AlarmTypes: ["CompositeAlarm"] })) {
    history.push(...page.AlarmHistoryItems.map((h) => h.HistorySummary));
  }
  assert.equal(history[0], 'Alarm "js-both" deleted', history);
  assert.equal(history.at(-1), 'Alarm "js-both" created', history);
}

async function endpoint() {
  await hosting.send(new sm.CreateModelCommand({ ModelName: "js", PrimaryContainer: { Image: "bellows/demo-model" } }));
  await hosting.send(new sm.CreateEndpointConfigCommand({
    EndpointConfigName: "js",
    ProductionVariants: [{ VariantName: "AllTraffic", ModelName: "js", InitialInstanceCount: 1, InstanceType: "ml.m5.large" }],
  }));
  await hosting.send(new sm.CreateEndpointCommand({ EndpointName: "js", EndpointConfigName: "js" }));
  await sm.waitUntilEndpointInService({ client: hosting, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { EndpointName: "js" });
  const answer = await runtime.send(new rt.InvokeEndpointCommand({ EndpointName: "js", ContentType: "text/csv", Body: "5.1,3.5,1.4,0.2" }));
  assert.equal(new TextDecoder().decode(answer.Body).trim(), "setosa");
  await refused("ValidationError", "js-none", () => runtime.send(new rt.InvokeEndpointCommand({ EndpointName: "js-none", Body: "x" })));
}

async function policies() {
  const target = { ServiceNamespace: "sagemaker", ResourceId: "endpoint/js/variant/AllTraffic", ScalableDimension: "sagemaker:variant:DesiredInstanceCount" };
  await scaling.send(new aas.RegisterScalableTargetCommand({ ...target, MinCapacity: 1, MaxCapacity: 2 }));
  const policy = await scaling.send(new aas.PutScalingPolicyCommand({
    ...target, PolicyName: "js", PolicyType: "TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration: {
      TargetValue: 70, PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantInvocationsPerInstance" },
    },
  }));
  assert.equal(policy.Alarms.length, 2);
  const targets = await scaling.send(new aas.DescribeScalableTargetsCommand({ ServiceNamespace: "sagemaker" }));
  assert.equal(targets.ScalableTargets[0].MaxCapacity, 2);
  await scaling.send(new aas.DeregisterScalableTargetCommand(target));
  await refused("ObjectNotFoundException", undefined, () => scaling.send(new aas.DeregisterScalableTargetCommand(target)));
}

async function cleanUp() {
  await hosting.send(new sm.DeleteEndpointCommand({ EndpointName: "js" }));
  await sm.waitUntilEndpointDeleted({ client: hosting, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { EndpointName: "js" });
}

for (const part of [putAndRead, list, refusals, alarms, composites, endpoint, policies, cleanUp]) {
  await part();
  console.log(part.name);
}
console.log("all passed");
