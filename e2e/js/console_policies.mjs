// The console's pages of policies, scalable targets and scheduled actions, on an endpoint iris. Arguments: a browser's program, a folder for
// screenshots, which may be missing.
import assert from "node:assert/strict";
import { accessible, aws, base, open, run, wrong } from "./page.mjs";

const [program, folder] = process.argv.slice(2);
const address = base + "/console/policies/us-east-1/iris/AllTraffic";

/** Invocations of the variant are its own metric; the forms are tried on one of ours. */
async function seed(page) {
  const now = Math.floor(Date.now() / 60_000) * 60;
  const data = Array.from({ length: 120 }, (_, i) => ({ MetricName: "Queue", Timestamp: now - (120 - i) * 60, Value: i >= 60 && i < 70 ? 90 : 20 }));
  await aws(page, "GraniteServiceVersion20100801.PutMetricData", { Namespace: "Shop", MetricData: data });
}

/** The bounds: nothing else can be made before; what the API refuses stands beside its field. */
async function bounds(page) {
  await page.goto(base + "/console/policies");
  await page.getByRole("row").filter({ hasText: "iris" }).getByText("not scaled").waitFor();
  await accessible(page, "policies of all variants");
  await page.getByRole("link", { name: /iris/ }).click();
  await page.getByText("This variant is not a scalable target: it stays at 1 instance until").waitFor();
  assert.match(await page.getByRole("button", { name: "Create policy" }).getAttribute("title"), /Register the variant/);
  await page.getByRole("button", { name: "Register" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Minimum capacity").fill("5");
  await form.getByRole("button", { name: "Register" }).click();
  await wrong(page, "Maximum capacity", /Maximum capacity cannot be less than minimum capacity/);
  await form.getByLabel("Minimum capacity").fill("1");
  await form.getByText("It is 1 now and stays so until").waitFor();
  await form.getByLabel("Suspend scaling in").check();
  await accessible(page, "form of a target");
  await form.getByRole("button", { name: "Register" }).click();
  await page.getByText("From 1 to 4 instances; 1 now. Suspended: scaling in.").waitFor();
  await page.getByRole("button", { name: "Edit bounds" }).click();
  await form.getByLabel("Suspend scaling in").uncheck();
  await form.getByRole("button", { name: "Save" }).click();
  await page.getByText("Nothing is suspended.").waitFor();
}

/** Opens the form of a new policy of a type. */
async function begin(page, name, type) {
  await page.getByRole("button", { name: "Create policy" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name", { exact: true }).fill(name);
  await form.getByLabel("Type").selectOption(type);
  return form;
}

const card = (page, name) => page.getByRole("article", { name: "Policy " + name });

/** Target tracking by a predefined metric, another metric, and metric math: both alarms with their thresholds over the last day. */
async function tracking(page) {
  let form = await begin(page, "keep-70", "TargetTrackingScaling");
  await form.getByLabel("Target value").fill("70");
  await form.getByText("Above 70 in 3 periods of a minute in a row, AlarmHigh scales out to load ÷ 70, rounded up. Below 63 for 15 minutes in a row, AlarmLow scales in").waitFor();
  await form.getByRole("img", { name: /The last day: .*AlarmHigh > 70; AlarmLow < 63/ }).waitFor();
  await form.getByLabel("Scale-in cooldown").fill("-5");
  await form.getByRole("button", { name: "Create policy" }).click();
  await wrong(page, "Scale-in cooldown", /Cooldown must be nonnegative/);
  await form.getByLabel("Scale-in cooldown").fill("120");
  await accessible(page, "form of target tracking");
  await form.getByRole("button", { name: "Copy as" }).click();
  await page.getByRole("button", { name: "Terraform" }).click();
  await page.getByText('resource "aws_appautoscaling_policy" "keep-70"').waitFor();
  await page.keyboard.press("Escape");
  await form.getByRole("button", { name: "Create policy" }).click();
  await card(page, "keep-70").getByText("Keeps invocations per instance and minute at 70. Cooldowns: 5 minutes out, 2 minutes in.").waitFor();
  await card(page, "keep-70").getByRole("link", { name: "AlarmHigh" }).waitFor();
  await card(page, "keep-70").getByRole("link", { name: "AlarmLow" }).waitFor();

  form = await begin(page, "queue", "TargetTrackingScaling");
  await form.getByRole("button", { name: "Another metric" }).click();
  await form.getByRole("searchbox", { name: "Search metrics" }).fill("shop queue");
  await form.getByRole("button", { name: /^Queue/ }).click();
  await form.getByLabel("Target value").fill("50");
  await form.getByText(/AlarmHigh: Over the last day it would have gone into ALARM once, for 8 m in all: 10 of/).waitFor();
  await form.getByLabel("Never scale in").check();
  await form.getByText("It never scales in.").waitFor();
  await form.getByRole("button", { name: "Create policy" }).click();
  await card(page, "queue").getByText("Keeps the average of Queue at 50.").waitFor();

  form = await begin(page, "math", "TargetTrackingScaling");
  await form.getByRole("button", { name: "Metric math" }).click();
  await form.getByRole("button", { name: /^Queue/ }).click();
  await form.getByRole("button", { name: "Add an expression" }).click();
  await form.getByLabel("Expression e1").fill("m1 / 2 +");
  await form.getByLabel("Target value").fill("30");
  await form.getByRole("button", { name: "Create policy" }).click();
  await form.getByRole("alert").filter({ hasText: /expression/i }).first().waitFor();
  await form.getByLabel("Expression e1").fill("m1 / 2");
  await form.getByText(/AlarmHigh: Over the last day it would have gone into ALARM once/).waitFor();
  await form.getByRole("button", { name: "Create policy" }).click();
  await card(page, "math").getByText("Keeps m1 / 2 at 30.").waitFor();

  await card(page, "keep-70").getByRole("button", { name: "Edit" }).click();
  await page.getByRole("dialog").getByLabel("Target value").fill("80");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await card(page, "keep-70").getByText("minute at 80.").waitFor();
}

/** Steps: the staircase, and an alarm that invokes them. */
async function steps(page) {
  const form = await begin(page, "burst", "StepScaling");
  await form.getByLabel("Upper bound of step 1").fill("50");
  await form.getByRole("button", { name: "Add a step" }).click();
  assert.equal(await form.getByLabel("Lower bound of step 2").inputValue(), "50");
  await form.getByLabel("Lower bound of step 2").fill("60");
  await form.getByLabel("Adjustment of step 2").fill("2");
  await form.getByRole("img", { name: "Steps: From the threshold to the threshold + 50: +1, so 1 becomes 2. From the threshold + 60 on: +2, so 1 becomes 3." }).waitFor();
  await form.getByRole("button", { name: "Create policy" }).click();
  await form.getByRole("alert").filter({ hasText: /gap/i }).waitFor();
  await form.getByLabel("Lower bound of step 2").fill("50");
  await form.getByLabel("Each step changes capacity").selectOption("PercentChangeInCapacity");
  await form.getByLabel("Adjustment of step 2").fill("300");
  await form.getByText("From the threshold + 50 on: +300 %, so 1 becomes 4, the maximum.").waitFor();
  await accessible(page, "form of steps");
  await form.getByRole("button", { name: "Create policy" }).click();
  await card(page, "burst").getByText("No alarm invokes it: it never acts.").waitFor();
  await card(page, "burst").getByRole("button", { name: "Attach alarm" }).click();
  await form.getByLabel("Name", { exact: true }).fill("queue-long");
  await form.getByText("invokes the scaling policy burst of iris / AllTraffic").first().waitFor();
  await form.getByRole("searchbox", { name: "Search metrics" }).fill("shop queue");
  await form.getByRole("button", { name: /^Queue/ }).click();
  await form.getByRole("spinbutton", { name: "Threshold" }).fill("100");
  await form.getByRole("button", { name: "Create alarm" }).click();
  await card(page, "burst").getByText("From 150 on: +300 %").waitFor(); // the steps count from the alarm's threshold
  await card(page, "burst").getByRole("link", { name: "queue-long" }).click();
  await page.getByRole("link", { name: "invokes the scaling policy burst of iris / AllTraffic" }).click();
  await page.waitForURL(address + "?policy=burst");
}

/** The other types: predictive, simple, and one of the server's own. */
async function others(page) {
  let form = await begin(page, "ahead", "PredictiveScaling");
  await form.getByLabel("Target value of an instance").fill("60");
  await form.getByText("It changes nothing: the forecast is only shown.").waitFor();
  await form.getByLabel("Mode").selectOption("ForecastAndScale");
  await form.getByLabel("Scale before the hour").fill("99999");
  await form.getByRole("button", { name: "Create policy" }).click();
  await wrong(page, "Scale before the hour", /[sS]chedulingBufferTime/);
  await form.getByLabel("Scale before the hour").fill("600");
  await form.getByText("Each hour's capacity is asked for 600 s before it begins").waitFor();
  await form.getByRole("button", { name: "Create policy" }).click();
  await card(page, "ahead").getByText("Forecasts each hour's load and asks for the capacity 10 minutes before it.").waitFor();

  form = await begin(page, "one-more", "SimpleScaling");
  await form.getByLabel("Change", { exact: true }).fill("1");
  await form.getByText("From the threshold on: +1, so 1 becomes 2.").waitFor();
  await form.getByLabel("Cooldown").fill("60");
  await form.getByRole("button", { name: "Create policy" }).click();
  await card(page, "one-more").getByText("Makes one change for an alarm, then none for 1 minute.").waitFor();

  await page.route("**/console/api/aws*", (route) => route.request().headers()["x-amz-target"] === "Bellows.DescribePolicyTypes"
    ? route.fulfill({ json: { PolicyTypes: [{ PolicyType: "QueueLength", Settings: [{ Name: "each", Required: true, Description: "messages an instance is to have" }] }] } }) : route.fallback());
  await page.goto(address);
  form = await begin(page, "own", "QueueLength");
  await form.getByLabel("each").fill("5");
  await form.getByRole("button", { name: "Copy as" }).click();
  await page.getByRole("button", { name: "bellows", exact: true }).click();
  await page.getByText("bellows policy put own --on iris/AllTraffic --type QueueLength each=5").waitFor();
  await page.keyboard.press("Escape");
  await form.getByRole("button", { name: "Create policy" }).click(); // this server has no such type, and says so
  await form.getByRole("alert").filter({ hasText: /QueueLength/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.unroute("**/console/api/aws*");
  await accessible(page, "policies of a variant");
  if (folder) await page.screenshot({ path: folder + "/console-policies.png", fullPage: true });
}

/** Scheduled actions: the next five runs in words, and refusals while they are written. */
async function schedules(page) {
  await page.goto(address);
  await page.getByRole("button", { name: "Create scheduled action" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name", { exact: true }).fill("morning");
  await form.getByLabel("Set the minimum to").fill("2");
  await form.getByLabel("Cron expression").fill("0 9 ? * MON-FRY *");
  await wrong(page, "Cron expression", /Invalid schedule expression. Details: Parse error at position/);
  await form.getByLabel("Cron expression").fill("0 9 ? * MON-FRI *");
  await form.getByLabel("Time zone").fill("Mars/Olympus");
  await wrong(page, "Time zone", /Invalid schedule timezone: Mars\/Olympus/);
  await form.getByLabel("Time zone").fill("Europe/Berlin");
  await form.getByText("Each run sets the minimum to 2;").waitFor();
  await form.getByText("Its next five runs:").waitFor();
  const runs = await form.getByRole("listitem").allTextContents();
  assert.equal(runs.length, 5);
  for (const r of runs) assert.match(r, /^(Mon|Tues|Wednes|Thurs|Fri)day,? \d+ \w+ at 09:00 (CET|CEST|GMT\+[12]), in /);
  await form.getByLabel("Runs").selectOption("rate");
  await form.getByLabel("Interval").fill("0 days");
  await wrong(page, "Interval", /less than 60 seconds apart/);
  await form.getByLabel("Interval").fill("2 hours");
  await form.getByText("Its next five runs:").waitFor();
  await form.getByLabel("Runs").selectOption("at");
  await form.getByLabel("Time", { exact: true }).fill("2020-01-01T09:00:00");
  await form.getByText("It is never due: its time has passed.").waitFor();
  await form.getByLabel("Runs").selectOption("cron");
  await form.getByText("Its next five runs:").waitFor();
  await accessible(page, "form of a scheduled action");
  await form.getByRole("button", { name: "Create", exact: true }).click();
  const action = page.getByRole("article", { name: "Scheduled action morning" });
  await action.getByText("Sets the minimum to 2: cron(0 9 ? * MON-FRI *) in Europe/Berlin.").waitFor();
  await action.getByRole("listitem").nth(4).waitFor();
  await action.getByRole("button", { name: "Edit" }).click();
  await form.getByLabel("Set the maximum to").fill("1");
  await form.getByRole("button", { name: "Save" }).click();
  await wrong(page, "Set the maximum to", /Maximum capacity cannot be less than minimum capacity/);
  await form.getByLabel("Set the maximum to").fill("3");
  await form.getByRole("button", { name: "Save" }).click();
  await action.getByText("and the maximum to 3").waitFor();
  await action.getByRole("button", { name: "Delete" }).click();
  await form.getByRole("button", { name: "Delete" }).click();
  await action.waitFor({ state: "detached" });
}

/** Deleting, and the section of the variant's page. */
async function ends(page) {
  for (const name of ["one-more", "burst"]) {
    await card(page, name).getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await card(page, name).waitFor({ state: "detached" });
  }
  await page.goto(base + "/console/variants/us-east-1/iris/AllTraffic");
  await page.getByText("Bounds, policies and scheduled actions").click();
  await card(page, "ahead").waitFor();
  await accessible(page, "variant with its policies");
  const phone = await open(page.context().browser(), { viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  await phone.goto(address);
  await card(phone, "keep-70").getByText(/AlarmHigh: /).waitFor();
  await accessible(phone, "policies on a phone, dark");
  await phone.goto(base + "/console/policies");
  await phone.getByRole("link", { name: /iris/ }).waitFor();
  await accessible(phone, "all policies on a phone, dark");
  await page.goto(address);
  await page.getByRole("button", { name: "Deregister" }).click();
  await page.getByText("Its policies, with the alarms that they own, and its scheduled actions are deleted with it.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Deregister" }).click();
  await page.getByText("This variant is not a scalable target").waitFor();
  await page.getByText("No policy: capacity changes only by schedule or by hand.").waitFor();
}

await run(program, folder, async (browser) => {
  const page = await open(browser);
  await seed(page);
  await bounds(page);
  await tracking(page);
  await steps(page);
  await others(page);
  await schedules(page);
  await ends(page);
});
