// The console's page of what happened. Arguments: a browser's program, a folder for screenshots, which may be missing.
import assert from "node:assert/strict";
import { accessible, aws, base, open, run } from "./page.mjs";

const [program, folder] = process.argv.slice(2);
const resource = { ServiceNamespace: "sagemaker", ResourceId: "endpoint/iris/variant/AllTraffic", ScalableDimension: "sagemaker:variant:DesiredInstanceCount" };
const row = (page, text) => page.getByRole("listitem").filter({ hasText: text });
const alarm = (page, name, state) => aws(page, "GraniteServiceVersion20100801.SetAlarmState", { AlarmName: name, StateValue: state, StateReason: "a test of the page" });

/** A change by hand, alarms that go to and fro, and a request that fails. */
async function seed(page) {
  await aws(page, "SageMaker.UpdateEndpointWeightsAndCapacities", { EndpointName: "iris", DesiredWeightsAndCapacities: [{ VariantName: "AllTraffic", DesiredInstanceCount: 2 }] });
  await aws(page, "AnyScaleFrontendService.RegisterScalableTarget", { ...resource, MinCapacity: 1, MaxCapacity: 4 });
  for (let i = 0; i < 8; i++) {
    await aws(page, "GraniteServiceVersion20100801.PutMetricAlarm", {
      AlarmName: `queue-${i}`, Namespace: "Shop", MetricName: "Orders", Statistic: "Sum", Period: 86400, EvaluationPeriods: 1, Threshold: 5, ComparisonOperator: "GreaterThanThreshold",
    });
    for (const state of ["ALARM", "OK", "ALARM"]) await alarm(page, `queue-${i}`, state);
  }
  await assert.rejects(aws(page, "SageMaker.DeleteEndpoint", { EndpointName: "none" }));
}

await run(program, folder, async (browser) => {
  const page = await open(browser);
  await seed(page);
  await page.getByRole("navigation").getByRole("link", { name: "What happened" }).click();
  await page.getByRole("heading", { name: "What happened" }).waitFor();

  // The request is the head of what it caused; the row opens to all of it.
  const change = row(page, "UpdateEndpointWeightsAndCapacities").filter({ hasText: "▲ 1 → 2" }).first();
  while (!(await change.isVisible())) await page.mouse.wheel(0, 3000); // older pages come as they are scrolled to
  await change.getByText("ready in").waitFor();
  await change.getByRole("button", { name: /^\d+ events? of/ }).click();
  await change.getByText(/UpdateEndpointWeightsAndCapacities by .*in the console/).waitFor();
  await change.getByText(/ serves$/).waitFor();
  await page.getByText("This is the beginning of what is kept.").waitFor();
  await row(page, "CreateEndpoint").filter({ hasText: "▲ 0 → 1" }).first().waitFor();

  // What comes in while one reads waits above; nothing moves.
  const before = await page.evaluate(() => scrollY);
  assert.ok(before > 300, `the page is scrolled by ${before} px`);
  const place = (await change.boundingBox()).y;
  await alarm(page, "queue-0", "OK");
  const fresh = page.getByRole("button", { name: /\d+ new/ });
  await fresh.waitFor();
  assert.ok(Math.abs((await change.boundingBox()).y - place) < 2, "rows have moved");
  await fresh.click();
  await row(page, "queue-0 is OK").first().waitFor();
  await page.waitForFunction(() => scrollY === 0);
  await alarm(page, "queue-0", "ALARM"); // at the top it comes in by itself
  await row(page, "queue-0 went into ALARM").first().waitFor();
  await accessible(page, "what happened");
  if (folder) await page.screenshot({ path: folder + "/events.png" });

  // Filters, which the address holds.
  await page.getByRole("button", { name: "Refused", exact: true }).click();
  await row(page, /Could not find endpoint/).first().waitFor();
  assert.equal(await row(page, "went into ALARM").count(), 0);
  await page.getByRole("button", { name: "Changes", exact: true }).click();
  await page.getByRole("button", { name: "Refused", exact: true }).click();
  await page.getByLabel("Endpoint or endpoint/variant").fill("iris/AllTraffic");
  await page.getByRole("searchbox", { name: "Search what happened" }).fill("1 to 2");
  await page.waitForFunction(() => document.querySelectorAll(".event").length === 1);
  assert.match(page.url(), /kind=change.*endpoint=iris%2FAllTraffic.*q=1\+to\+2/);
  await page.goto(page.url());
  await page.waitForFunction(() => document.querySelectorAll(".event").length === 1);
  await page.getByLabel("User or access key ID").fill("nobody");
  await page.getByText("Nothing of this kind happened.").waitFor();
  await page.getByLabel("User or access key ID").fill("");

  // A row leads to the moment in the variant's timeline.
  await row(page, "▲ 1 → 2").getByRole("link").click();
  await page.getByRole("complementary", { name: "Explanation" }).getByRole("heading").first().waitFor();
  assert.match(page.url(), /variants\/.*[?&]at=/);

  const phone = await open(browser, { viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  await phone.goto(base + "/console/events?kind=change,refused");
  await row(phone, "▲ 1 → 2").first().waitFor();
  await accessible(phone, "what happened, on a phone");
  if (folder) await phone.screenshot({ path: folder + "/events-phone.png" });
});
