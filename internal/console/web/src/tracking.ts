import type { VariantName } from "./api";
import type { DataQuery } from "./cloudwatch";
import { predefined, type TargetTracking } from "./scalingapi";
import type { Trial } from "./tryoutview";

/** The queries whose values a target tracking policy compares with its target. */
export function queriesOfTracking(v: VariantName, t: TargetTracking): DataQuery[] {
  const custom = t.CustomizedMetricSpecification;
  if (custom?.Metrics) return custom.Metrics.map(({ MetricStat, ...q }) => ({ ...q, ...(MetricStat ? { MetricStat: { ...MetricStat, Period: 60 } } : { Period: 60 }) }));
  if (custom) {
    return [{
      Id: "m1", ReturnData: true, MetricStat: {
        Metric: { Namespace: custom.Namespace ?? "", MetricName: custom.MetricName ?? "", ...(custom.Dimensions?.length && { Dimensions: custom.Dimensions }) },
        Period: 60, Stat: custom.Statistic ?? "Average", ...(custom.Unit && { Unit: custom.Unit }),
      },
    }];
  }
  const known = predefined[t.PredefinedMetricSpecification?.PredefinedMetricType ?? ""];
  return known ? [known.query(v)] : [];
}

/**
 * The alarms that a target tracking policy makes: high where the target is exceeded in 3 periods, low below nine tenths of it in 15 minutes. For a
 * metric of ten seconds, the low one is tried on those too, of which 90 are 15 minutes.
 */
export function conditionsOf(t: TargetTracking): Trial[] {
  const period = predefined[t.PredefinedMetricSpecification?.PredefinedMetricType ?? ""]?.period ?? 60, n = (15 * 60) / period;
  const high: Trial = { name: "AlarmHigh", missing: "", condition: { what: "the metric", comparison: "GreaterThanThreshold", threshold: t.TargetValue, m: 3, n: 3, period } };
  const low: Trial = { name: "AlarmLow", missing: "", condition: { what: "the metric", comparison: "LessThanThreshold", threshold: (t.TargetValue * 9) / 10, m: n, n, period } };
  return t.DisableScaleIn ? [high] : [high, low];
}
