// What the tests of the console's pages have in common.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const base = process.env.AWS_ENDPOINT_URL;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const complaints = []; // of pages: errors, and requests to other hosts

/** Runs a test with a browser. Prints "all passed" at the end; a failure leaves a picture of the first page in the folder, if there is one. */
export async function run(program, folder, test) {
  const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
  try {
    await test(browser);
    assert.deepEqual(complaints, []);
    console.log("all passed");
  } catch (e) {
    if (folder) await browser.contexts()[0]?.pages()[0]?.screenshot({ path: folder + "/failure.png" });
    throw e;
  } finally {
    await browser.close();
  }
}

/** A page that is signed in. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "UTC", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("console", (m) => { if (m.type() === "error" && !/status of 4(0[0134]|24)/.test(m.text())) complaints.push(m.text()); });
  page.on("pageerror", (e) => complaints.push(e.stack));
  page.on("request", (r) => { if (!r.url().startsWith(base + "/") && !/^(data|blob):/.test(r.url())) complaints.push("a request to " + r.url()); });
  await page.goto(base + "/");
  await page.getByLabel("Access key ID").fill(process.env.AWS_ACCESS_KEY_ID);
  await page.getByLabel("Secret access key").fill(process.env.AWS_SECRET_ACCESS_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  return page;
}

/** Whether people with a screen reader or weak eyes can use the page, and it fits its window: axe-core finds nothing. */
export async function accessible(page, name) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(found.violations.map((v) => `${name}: ${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")}`), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name}: ${wide} px wider than the window`);
}

/** Calls an AWS API as the console does. */
export async function aws(page, target, input) {
  const { status, body } = await page.evaluate(async ([target, input]) => {
    const r = await fetch("/console/api/aws", { method: "POST", body: JSON.stringify(input), headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target } });
    return { status: r.status, body: await r.json() };
  }, [target, input]);
  assert.equal(status, 200, `${target}: ${JSON.stringify(body)}`);
  return body;
}

/** Waits until something stands beside a field as wrong, in a dialog. */
export async function wrong(page, label, text) {
  const field = page.getByRole("dialog").last().getByLabel(label, { exact: true });
  await page.waitForFunction(([e, text]) => e.getAttribute("aria-invalid") === "true" && new RegExp(text).test(document.getElementById(e.getAttribute("aria-describedby").split(" ").at(-1)).textContent),
    [await field.elementHandle(), text.source]);
}
