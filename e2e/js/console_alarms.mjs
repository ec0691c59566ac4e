// The console's pages of alarms and metrics. Arguments: a browser's program, a folder for screenshots, which may be missing.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { accessible, aws, base, open, run, wrong } from "./page.mjs";

const [program, folder] = process.argv.slice(2);
const cloudwatch = (page, operation, input) => aws(page, "GraniteServiceVersion20100801." + operation, input);

/** Orders a minute over three hours: 5, and 50 in twenty of them. */
async function seed(page) {
  const now = Math.floor(Date.now() / 60_000) * 60;
  const data = Array.from({ length: 180 }, (_, i) => ({ MetricName: "Orders", Timestamp: now - (180 - i) * 60, Value: i >= 60 && i < 80 ? 50 : 5 }));
  await cloudwatch(page, "PutMetricData", { Namespace: "Shop", MetricData: data });
}

/** Creates an alarm on one metric: what it would have done is said and drawn; what the API refuses stands beside its field. */
async function create(page) {
  await page.goto(base + "/console/alarms");
  await page.getByText("There is no alarm yet.").waitFor();
  await accessible(page, "no alarms");
  await page.getByRole("button", { name: "Create alarm", exact: true }).focus();
  await page.keyboard.press("Enter");
  const form = page.getByRole("dialog");
  assert.equal(await form.getByRole("button", { name: "Create alarm" }).getAttribute("aria-disabled"), "true");
  await form.getByLabel("Name", { exact: true }).fill("orders-high");
  await form.getByRole("searchbox", { name: "Search metrics" }).fill("shop orders");
  await form.getByRole("button", { name: /Orders no dimensions/ }).click();
  await form.getByRole("spinbutton", { name: "Threshold" }).fill("30");
  await form.getByText("ALARM when the average of Orders is greater than 30 in 3 periods of 1 minute in a row.").waitFor();
  await form.getByText(/Over the last day it would have gone into ALARM once, for 18 m in all: 20 of 1\d\d datapoints are beyond/).waitFor();
  await form.getByRole("img", { name: /The last day: Orders from 5 to 50, last 5; threshold > 30/ }).waitFor();
  await form.getByRole("img", { name: /States: .*in ALARM once, 18 m in all/ }).waitFor();
  await form.getByLabel("Missing data").selectOption("breaching");
  await form.getByText("silence raises the alarm").waitFor();
  await form.getByText(/Over the last day it would have gone into ALARM (2|3) times/).waitFor();
  await form.getByLabel("Missing data").selectOption("missing");
  await accessible(page, "form of an alarm");
  await form.getByLabel("Of them beyond it (M)").fill("9");
  await form.getByRole("button", { name: "Create alarm" }).click();
  await wrong(page, "Of them beyond it (M)", /DatapointsToAlarm/);
  await form.getByLabel("Of them beyond it (M)").fill("2");
  await form.getByRole("button", { name: "Add on ALARM" }).click();
  await form.getByLabel("Action on ALARM").fill("nonsense");
  await form.getByRole("button", { name: "Create alarm" }).click();
  await form.getByRole("group", { name: "Actions" }).getByRole("alert").waitFor();
  await form.getByRole("button", { name: "Remove action" }).click();
  await form.getByRole("button", { name: "Copy as" }).click();
  await page.getByLabel("AWS CLI").getByText("aws cloudwatch put-metric-alarm").waitFor();
  await page.keyboard.press("Escape");
  await form.getByRole("button", { name: "Create alarm" }).click();
  await page.getByRole("heading", { name: "orders-high" }).waitFor();
}

/** The page of an alarm. */
async function alarmPage(page) {
  await page.getByText("ALARM when the average of Orders is greater than 30 in at least 2 of 3 periods of 1 minute in a row.").waitFor();
  await page.getByText("Periods without data are left out; with no data at all the alarm goes to INSUFFICIENT_DATA.").waitFor();
  await page.getByRole("img", { name: /Datapoints: Orders from 5 to 50, last 5; threshold > 30/ }).waitFor();
  await page.getByText("None: it changes its state and nothing else happens.").waitFor();
  await page.getByText('Alarm "orders-high" created').waitFor();
  await accessible(page, "alarm");
  if (folder) await page.screenshot({ path: folder + "/console-alarm.png" });

  // Dragging over the plot shows that time; the address holds it.
  const plot = await page.getByRole("img", { name: /^Datapoints/ }).boundingBox();
  await page.mouse.move(plot.x + plot.width * 0.4, plot.y + 60);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.7, plot.y + 60, { steps: 5 });
  await page.mouse.up();
  await page.waitForFunction(() => /from=.*to=/.test(location.search));
  await page.getByRole("button", { name: "Follow the present" }).click();

  // Set state, live; disable and enable; edit.
  await page.getByRole("button", { name: "Set state" }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill("a rehearsal");
  await page.getByRole("dialog").getByRole("button", { name: "Set state" }).click();
  await page.getByText("a rehearsal").first().waitFor();
  await page.getByRole("img", { name: /States: .*in ALARM once/ }).waitFor();
  await page.getByRole("button", { name: "Disable actions" }).click();
  await page.getByText("actions switched off").waitFor();
  await page.getByRole("button", { name: "Enable actions" }).click();
  await page.getByRole("button", { name: "Disable actions" }).waitFor();
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("dialog").getByRole("spinbutton", { name: "Threshold" }).fill("45");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByText(/greater than 45 in at least 2 of 3/).waitFor();
}

/** Alarms on metric math and on PromQL. */
async function others(page) {
  await page.goto(base + "/console/alarms");
  await page.getByRole("button", { name: "Create alarm", exact: true }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name", { exact: true }).fill("double");
  await form.getByRole("button", { name: "Metric math" }).click();
  await form.getByRole("button", { name: /Orders no dimensions/ }).click();
  await form.getByRole("button", { name: "Add an expression" }).click();
  await form.getByLabel("Expression e1").fill("m1 * ");
  await form.getByRole("spinbutton", { name: "Threshold" }).fill("60");
  await form.getByText(/Error in expression/).first().waitFor();
  await form.getByRole("button", { name: "Create alarm" }).click();
  await form.getByRole("alert").filter({ hasText: /expression/i }).first().waitFor();
  await form.getByLabel("Expression e1").fill("m1 * 2");
  await form.getByText(/would have gone into ALARM once, for 18 m in all/).waitFor();
  await form.getByRole("button", { name: "Create alarm" }).click();
  await page.getByRole("heading", { name: "double" }).waitFor();
  await page.getByText("ALARM when m1 * 2 is greater than 60").waitFor();

  await page.goto(base + "/console/alarms");
  await page.getByRole("button", { name: "Create alarm", exact: true }).click();
  await form.getByLabel("Name", { exact: true }).fill("busy-series");
  await form.getByRole("button", { name: "PromQL" }).click();
  await form.getByLabel("PromQL query").fill("shop_orders_sum >");
  await form.getByRole("alert").filter({ hasText: /parse error/ }).waitFor();
  await form.getByRole("button", { name: "Create alarm" }).click();
  await wrong(page, "PromQL query", /The PromQL query is not valid/);
  await form.getByLabel("PromQL query").fill("shop_orders_sum > 30");
  await form.getByText(/Over the last day the query returned 1 series, in \d+ of 14\d\d evaluations/).waitFor();
  await form.getByLabel("Pending period").fill("120");
  await form.getByText("returns a series for 2 minutes without a gap").waitFor();
  await form.getByRole("button", { name: "Create alarm" }).click();
  await page.getByRole("heading", { name: "busy-series" }).waitFor();
  await page.getByText("shop_orders_sum > 30").waitFor();
}

/** A composite alarm: its rule is checked as it is written, and is a tree. */
async function composite(page) {
  await page.goto(base + "/console/alarms");
  await page.getByRole("button", { name: "Create composite alarm" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name", { exact: true }).fill("trouble");
  await form.getByLabel("Rule", { exact: true }).fill("ALARM(orders-high) AND");
  await wrong(page, "Rule", /Error in AlarmRule \[Unsupported token '<EOF>'/);
  await form.getByLabel("Rule", { exact: true }).fill('ALARM("nothing")');
  await form.getByRole("button", { name: "Create alarm" }).click();
  await wrong(page, "Rule", /nothing/);
  await form.getByLabel("Rule", { exact: true }).fill("NOT OK(double)");
  await form.getByLabel("Add an alarm").selectOption("orders-high");
  assert.equal(await form.getByLabel("Rule", { exact: true }).inputValue(), 'NOT OK(double) AND ALARM("orders-high")');
  await form.getByText(/With the present states the alarm would be/).waitFor();
  await form.getByLabel("Suppressor").fill("double");
  await accessible(page, "form of a composite alarm");
  await form.getByRole("button", { name: "Create alarm" }).click();
  await page.getByRole("heading", { name: "trouble" }).waitFor();
  const tree = page.getByRole("list", { name: "Rule as a tree" });
  await tree.getByText("all of").waitFor();
  await tree.getByRole("listitem").filter({ hasText: "orders-high" }).getByText("is in ALARM").waitFor();
  await page.getByText(/Actions wait up to 60 s for double/).waitFor();
  await accessible(page, "composite alarm");
  await tree.getByRole("link", { name: "orders-high" }).click();
  await page.getByRole("heading", { name: "orders-high" }).waitFor();
  await page.getByRole("link", { name: "trouble" }).waitFor();

  // A child cannot be deleted, in AWS's words; its parent can, and then the child.
  await page.getByRole("button", { name: "Delete" }).click();
  await form.getByRole("button", { name: "Delete" }).click();
  await form.getByRole("alert").filter({ hasText: /trouble|composite/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "trouble" }).click();
  await page.getByRole("heading", { name: "trouble" }).waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  await form.getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(base + "/console/alarms");
}

/** The list with a thousand alarms: it renders what is on screen, and the server searches. */
async function list(page) {
  await page.evaluate(async () => {
    const put = (i) => fetch("/console/api/aws", {
      method: "POST", headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricAlarm" },
      body: JSON.stringify({
        AlarmName: `many-${String(i).padStart(4, "0")}`, Namespace: "Shop", MetricName: "Carts", Statistic: "Sum", Period: 60, EvaluationPeriods: 1, Threshold: i, ComparisonOperator: "GreaterThanThreshold", ActionsEnabled: i % 2 === 0,
      }),
    });
    for (let i = 0; i < 1000; i += 25) await Promise.all(Array.from({ length: 25 }, (_, n) => put(i + n)));
  });
  await page.goto(base + "/console/alarms?sort=name");
  await page.getByRole("button", { name: "All 1003" }).waitFor();
  const rows = page.getByRole("row");
  await rows.filter({ hasText: "many-0000" }).getByText("Sum of Carts > 0 for 1 of 1 × min").waitFor();
  assert.ok(await rows.count() < 80, `${await rows.count()} rows are rendered`);
  await page.evaluate(() => scrollTo(0, 1e9));
  await rows.filter({ hasText: "orders-high" }).waitFor();
  await page.keyboard.press("/");
  const before = Date.now();
  await page.keyboard.type("many-07");
  await page.getByRole("table", { name: "Alarms" }).and(page.locator('[aria-rowcount="100"]')).waitFor();
  assert.ok(Date.now() - before < 3000, `a search took ${Date.now() - before} ms`);
  await page.getByRole("button", { name: /^Actions off/ }).click();
  await page.locator('[aria-rowcount="50"]').waitFor();
  await rows.filter({ hasText: "many-0701" }).getByText("switched off").waitFor();
  assert.match(page.url(), /q=many-07/);
  await page.getByLabel("Search alarms").fill("none of these");
  await page.getByText("No alarm matches.").waitFor();
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByLabel("Kind").selectOption("promql");
  await rows.filter({ hasText: "busy-series" }).waitFor();
  await page.locator('[aria-rowcount="1"]').waitFor();
  await accessible(page, "alarms");
}

/** The metrics explorer. */
async function metrics(page) {
  await page.goto(base + "/console/metrics");
  await page.getByText("Choose what to draw below.").waitFor();
  await accessible(page, "metrics, empty");
  await page.getByLabel("Namespace").selectOption("Shop");
  await page.getByRole("button", { name: /^Orders/ }).click();
  await page.getByLabel("Statistic of m1").fill("Maximum");
  await page.getByRole("button", { name: "Add an expression" }).click();
  await page.getByLabel("Expression e1").fill("m1 / 10");
  await page.getByLabel("Label of e1").fill("tenth");
  const plot = page.getByRole("img", { name: /Metrics: Orders from 5 to 50, last 5; tenth from 0.5 to 5/ });
  await plot.waitFor();
  await page.goto(page.url()); // the address holds what is shown
  await plot.waitFor();
  await accessible(page, "metrics");
  if (folder) await page.screenshot({ path: folder + "/console-metrics.png" });
  const download = async (name) => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
    return readFileSync(await file.path());
  };
  const csv = (await download("Save as CSV")).toString().split("\r\n");
  assert.equal(csv[0], "time,Orders,tenth");
  assert.ok(csv.some((l) => /^20\d\d-\d\d-\d\dT\d\d:\d\d:00Z,50,5$/.test(l)), csv.slice(0, 3).join("\n"));
  assert.equal((await download("Save as PNG")).subarray(1, 4).toString(), "PNG");
  await page.getByLabel("Expression e1").fill("m1 +");
  await page.getByRole("alert").filter({ hasText: /e1/ }).waitFor();
  await page.getByRole("button", { name: "Remove e1" }).click();
  await page.getByRole("button", { name: "Create alarm" }).click();
  await page.getByRole("dialog").getByRole("cell", { name: "Orders Shop" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "PromQL" }).click();
  await page.getByLabel("PromQL", { exact: true }).last().fill("shop_orders_max * 2");
  await page.getByRole("img", { name: /Metrics: .* from 10 to 100/ }).waitFor();
  assert.match(page.url(), /language=promql.*query=shop_orders_max/);
}

await run(program, folder, async (browser) => {
  const page = await open(browser);
  await seed(page);
  await create(page);
  await alarmPage(page);
  await others(page);
  await composite(page);
  await list(page);
  await metrics(page);

  const phone = await open(browser, { viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  for (const path of ["alarms", "alarms/us-east-1/orders-high", "alarms/us-east-1/busy-series", "metrics"]) {
    await phone.goto(`${base}/console/${path}`);
    await phone.getByRole("heading", { level: 1 }).waitFor();
    await accessible(phone, path + " on a phone, dark");
  }
  await phone.goto(base + "/console/alarms/us-east-1/nothing");
  await phone.getByText("There is no alarm nothing in us-east-1.").waitFor();

  // A read-only key sees everything; buttons are off and say why.
  await page.route("**/console/api/session", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), read_only: true } });
  });
  await page.goto(base + "/console/alarms/us-east-1/orders-high");
  for (const name of ["Edit", "Disable actions", "Set state", "Delete"]) {
    const button = page.getByRole("button", { name });
    await button.waitFor();
    assert.match(await button.getAttribute("title"), /is read-only/);
  }
});
