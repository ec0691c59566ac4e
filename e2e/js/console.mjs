// The console in a real browser. Arguments: a browser's program, and what to test: empty, story, or restart. Prints "ready" where the test of
// restart waits for the server to go, and "all passed" at the end.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [program, what, folder] = process.argv.slice(2);
const base = process.env.AWS_ENDPOINT_URL;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
const complaints = [];

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("console", (m) => { if (m.type() === "error" && !/status of 40[0134]|ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY/.test(m.text())) complaints.push(m.text()); });
  page.on("pageerror", (e) => complaints.push(e.stack));
  page.on("request", (r) => { if (!r.url().startsWith(base + "/") && !r.url().startsWith("data:")) complaints.push("a request to " + r.url()); });
  return page;
}

async function signIn(page) {
  await page.goto(base + "/");
  await page.getByLabel("Access key ID").fill(process.env.AWS_ACCESS_KEY_ID);
  await page.getByLabel("Secret access key").fill(process.env.AWS_SECRET_ACCESS_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

/** Whether people with a screen reader or weak eyes can use the page: axe-core finds nothing. */
async function accessible(page, name) {
  await page.evaluate(axe).catch(async () => { // the page's policy allows no eval of its own; the debugger's is not subject to it
    await page.addScriptTag({ content: axe });
  });
  const found = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(found.violations.map((v) => `${name}: ${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")}`), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name}: ${wide} px wider than the window`);
}

/** Calls an AWS API as the console does. */
function aws(page, target, input) {
  return page.evaluate(async ([target, input]) => {
    const r = await fetch("/console/api/aws", { method: "POST", body: JSON.stringify(input), headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target } });
    return { status: r.status, body: await r.json() };
  }, [target, input]);
}

/** Takes the picture of the documentation: some minutes around the change that is selected. */
async function picture(page) {
  const before = page.url(), at = Date.parse(new URL(before).searchParams.get("at")), minutes = (n) => new Date(at + n * 60_000).toISOString();
  await page.setViewportSize({ width: 1280, height: 760 });
  await page.goto(`${before.split("?")[0]}?from=${minutes(-4)}&to=${minutes(8)}&at=${minutes(0)}`);
  await page.getByRole("complementary", { name: "Explanation" }).getByText("Limits").waitFor();
  await page.screenshot({ path: folder + "/console-timeline.png" });
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(before);
}

async function empty() {
  const page = await open();
  await page.goto(base + "/");
  await accessible(page, "sign-in");
  await page.getByLabel("Access key ID").fill(process.env.AWS_ACCESS_KEY_ID);
  await page.getByLabel("Secret access key").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("This is no access key of the server, or not its secret.").waitFor();
  await signIn(page);
  await page.getByRole("heading", { name: "No endpoint yet" }).waitFor();
  await page.getByText("aws sagemaker create-endpoint --endpoint-name iris").waitFor();
  await accessible(page, "without endpoints");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Secret access key").waitFor();
  await page.goto(base + "/console/variants/us-east-1/iris/AllTraffic");
  await page.getByLabel("Secret access key").waitFor();
}

async function story() {
  const page = await open();
  await signIn(page);

  // Home: the variant with its state; search; the link.
  const row = page.getByRole("row").filter({ hasText: "iris" });
  await row.getByText("range 1 to 4").waitFor();
  await accessible(page, "home");
  if (folder) await page.screenshot({ path: folder + "/console-home.png" });
  await page.keyboard.press("/");
  await page.keyboard.type("zzz");
  await page.getByText("No variant matches.").waitFor();
  assert.ok(page.url().includes("q=zzz"), page.url());
  await page.getByRole("button", { name: "Show all" }).click();
  await row.getByRole("link").first().click();

  // The timeline: the change is a row of the events, which explains itself.
  await page.getByRole("heading", { name: "iris / AllTraffic" }).waitFor();
  await page.getByRole("button", { name: "1 h", exact: true }).click();
  const change = page.getByRole("listitem").filter({ hasText: /▲ 1 → [234]/ }).first();
  await change.waitFor();
  assert.equal(await page.locator("canvas").count(), 6);
  await page.getByRole("img", { name: /^Actions: deployment/ }).waitFor();
  await change.getByRole("button").first().click();
  const panel = page.getByRole("complementary", { name: "Explanation" });
  await panel.getByRole("heading", { name: /Scaled out from 1 to [234]/ }).waitFor();
  await panel.getByText(/AlarmHigh in ALARM, 3 of 3: .* > 70; load .* = .* x 1; wanted [234] = ceil\(.* \/ 70\)/).first().waitFor();
  await panel.getByText("Limits").waitFor();
  assert.match(page.url(), /at=20\d\d-/);
  await change.getByRole("button", { name: /event/ }).click();
  await change.getByText("AlarmHigh: ").first().waitFor();
  await accessible(page, "timeline");

  if (folder) await picture(page);

  // A link shows the same; keys step through the events.
  const link = page.url();
  await page.goto(link);
  await panel.getByRole("heading", { name: /Scaled out from 1 to/ }).waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction((before) => location.href !== before && location.search.includes("at="), link);
  await page.keyboard.press("Escape");
  await panel.getByText("now").waitFor();

  // Dragging over a lane shows that time.
  await page.getByRole("img", { name: /^Load:/ }).scrollIntoViewIfNeeded();
  const lane = await page.getByRole("img", { name: /^Load:/ }).boundingBox();
  await page.mouse.move(lane.x + lane.width * 0.6, lane.y + 50);
  await page.mouse.down();
  await page.mouse.move(lane.x + lane.width * 0.9, lane.y + 50, { steps: 5 });
  await page.mouse.up();
  await page.waitForFunction(() => /from=.*to=/.test(location.search));
  await page.getByRole("button", { name: "Follow the present" }).click();

  // A click on a lane explains that moment.
  await page.mouse.click(lane.x + lane.width * 0.97, lane.y + 80);
  await page.waitForFunction(() => location.search.includes("at="));
  await page.keyboard.press("Escape");

  // What happens is shown as it happens; what AWS refuses is refused in its words.
  const refused = await aws(page, "SageMaker.DescribeEndpoint", { EndpointName: "none" });
  assert.equal(refused.status, 400);
  assert.match(refused.body.message ?? refused.body.Message, /Could not find endpoint "arn:aws:sagemaker:us-east-1:\d+:endpoint\/none"/);
  const put = await aws(page, "AnyScaleFrontendService.RegisterScalableTarget", {
    ServiceNamespace: "sagemaker", ResourceId: "endpoint/iris/variant/AllTraffic", ScalableDimension: "sagemaker:variant:DesiredInstanceCount", MinCapacity: 4, MaxCapacity: 4,
  });
  assert.equal(put.status, 200, JSON.stringify(put.body));
  await page.getByRole("listitem").filter({ hasText: /→ 4/ }).filter({ hasText: "Minimum capacity was set to 4" }).first().waitFor();

  // On a phone, and in the dark.
  const phone = await open({ viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  await signIn(phone);
  await accessible(phone, "home on a phone, dark");
  await phone.goto(base + "/console/variants/us-east-1/iris/AllTraffic?range=1h");
  await phone.getByRole("complementary", { name: "Explanation" }).getByText("Limits").waitFor();
  await accessible(phone, "timeline on a phone, dark");
  await phone.goto(base + "/console/variants/us-east-1/nothing/here");
  await phone.getByText("there is no nothing/here in us-east-1").waitFor();
}

async function restart() {
  const page = await open();
  await signIn(page);
  await page.getByText("live", { exact: true }).waitFor();
  console.log("ready");
  await page.getByText("connection lost, reconnecting …").waitFor();
  await page.getByText("live", { exact: true }).waitFor({ timeout: 60_000 });
  await page.getByRole("row").filter({ hasText: "iris" }).waitFor(); // and the session is good still
}

try {
  await { empty, story, restart }[what]();
  assert.deepEqual(complaints, []);
  console.log("all passed");
} finally {
  await browser.close();
}
