// The console's endpoint page. Arguments: a browser's program, the folder for screenshots, which may be empty, and what to test: deploy, page
// or reader, which takes the ID and the secret of a read-only key.
import assert from "node:assert/strict";
import { accessible, aws, base, open, run } from "./page.mjs";

const [program, folder, what, id, secret] = process.argv.slice(2);
if (id) Object.assign(process.env, { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret });
const address = base + "/console/endpoints/us-east-1/iris";
const shot = (page, name) => folder && page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
const dialog = (page) => page.getByRole("dialog");

/** The empty home deploys the built-in model, and takes all back where a step is refused. */
async function deploy(browser) {
  const page = await open(browser);
  await page.getByRole("heading", { name: "No endpoint yet" }).waitFor();
  await aws(page, "SageMaker.CreateEndpointConfig", { EndpointConfigName: "iris", ProductionVariants: [{ VariantName: "v", ModelName: (await made(page)), InitialInstanceCount: 1, InstanceType: "ml.m5.large" }] });
  await page.getByRole("button", { name: "Deploy the built-in model" }).click();
  await page.getByRole("alert").getByText("Cannot create already existing endpoint configuration").waitFor();
  const left = await aws(page, "SageMaker.ListModels", {});
  assert.deepEqual(left.Models.map((m) => m.ModelName), ["other"]); // the model was taken back
  await aws(page, "SageMaker.DeleteEndpointConfig", { EndpointConfigName: "iris" });
  await accessible(page, "home without endpoints");
  await shot(page, "console-empty");
  await page.getByRole("button", { name: "Deploy the built-in model" }).click();
  await page.waitForURL(address);
  await page.getByText("InService", { exact: true }).waitFor();
  await page.getByText("range 1 to 4").waitFor();
  const policies = await aws(page, "AnyScaleFrontendService.DescribeScalingPolicies", { ServiceNamespace: "sagemaker" });
  assert.equal(policies.ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.TargetValue, 600);
}

async function made(page) {
  await aws(page, "SageMaker.CreateModel", { ModelName: "other", PrimaryContainer: { Image: "bellows/demo-model" } });
  return "other";
}

async function read(download) {
  let text = "";
  for await (const part of await download.createReadStream()) text += part;
  return text;
}

/** The page, its forms and what AWS refuses. */
async function endpoint(browser) {
  const page = await open(browser);
  const row = page.getByRole("row").filter({ hasText: "iris" });
  await row.getByRole("link", { name: "Endpoint iris" }).click();
  await page.getByRole("heading", { name: "iris", exact: true }).waitFor();
  await page.getByText("Endpoint created").waitFor();

  // Test: the model's answer, its errors, a variant that is not there.
  await page.getByRole("button", { name: "Test" }).click();
  const form = dialog(page), answer = form.getByRole("region", { name: "Answer" });
  await form.getByRole("button", { name: "Send" }).click();
  await answer.getByText("setosa").waitFor();
  await answer.getByText(/200/).first().waitFor();
  await answer.getByText(/from AllTraffic/).waitFor();
  await answer.getByText("x-amzn-requestid").waitFor();
  await accessible(page, "test of an endpoint");
  await shot(page, "console-invoke");
  await form.getByLabel("Body", { exact: true }).fill("no flower");
  await form.getByRole("button", { name: "Send" }).click();
  await answer.getByText("ModelError", { exact: true }).first().waitFor();
  await answer.getByText(/Received client error \(4\d\d\) from .* with message/).first().waitFor();
  await form.getByRole("button", { name: "Copy as" }).click();
  await page.getByLabel("AWS CLI").getByText("aws sagemaker-runtime invoke-endpoint").waitFor();
  await page.getByRole("button", { name: "bellows", exact: true }).click();
  await page.getByLabel("bellows", { exact: true }).getByText("bellows invoke iris").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await form.waitFor({ state: "detached" });

  // Requests are on the charts.
  await page.getByRole("img", { name: /^Requests a minute: requests from / }).waitFor();

  // Logs: of the instance, followed; a search that matches nothing, one that AWS refuses, and a file of them.
  const logs = page.getByLabel("Lines of the logs");
  const first = await aws(page, "Logs_20140328.FilterLogEvents", { logGroupName: "/aws/sagemaker/Endpoints/iris", limit: 1 });
  assert.equal(first.events.length, 1);
  await logs.getByText(first.events[0].message.trim().slice(0, 40)).first().waitFor();
  await page.getByLabel("Search the logs").fill("zzz no such line");
  await logs.getByText("No line matches.").waitFor();
  await page.getByLabel("Search the logs").fill("{ $.x = ");
  await page.getByRole("alert").getByText("InvalidParameterException").waitFor();
  await page.getByLabel("Search the logs").fill("");
  await logs.getByText(first.events[0].message.trim().slice(0, 40)).first().waitFor();
  await page.getByLabel("Instance", { exact: true }).selectOption(first.events[0].logStreamName);
  await logs.getByText(first.events[0].message.trim().slice(0, 40)).first().waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save", exact: true }).click()]);
  assert.ok((await read(file)).includes(first.events[0].logStreamName));
  await page.getByLabel("Instance", { exact: true }).selectOption("");

  // Scale by hand: AWS's refusal, then what it does.
  await page.getByRole("button", { name: "Scale by hand" }).click();
  await form.getByLabel("Instances of AllTraffic").fill("-1");
  await form.getByRole("button", { name: "Scale" }).click();
  await form.getByRole("alert").getByText("ValidationException").waitFor();
  await shot(page, "console-refusal");
  await form.getByLabel("Instances of AllTraffic").fill("2");
  await form.getByRole("button", { name: "Scale" }).click();
  await page.getByRole("status").getByText("iris scales.").waitFor();
  await page.getByRole("cell", { name: "2 of 2" }).waitFor();
  assert.equal(await page.getByRole("row").filter({ hasText: /serving/ }).count(), 2);

  // Weights.
  await page.getByRole("button", { name: "Change weights" }).click();
  await form.getByLabel("Weight of AllTraffic").fill("-1");
  await form.getByRole("button", { name: "Change weights" }).click();
  await form.getByRole("alert").getByText("ValidationException").waitFor();
  await form.getByLabel("Weight of AllTraffic").fill("3");
  await form.getByRole("button", { name: "Change weights" }).click();
  await page.getByRole("cell", { name: /^3 ?100 % of requests/ }).waitFor();

  // Update: a config of a model that is not there is refused and leaves none behind; a right one moves the endpoint; and it rolls back.
  assert.match(await page.getByRole("button", { name: "Roll back" }).getAttribute("title"), /no other configuration/);
  await page.getByRole("button", { name: "Update" }).click();
  await form.getByLabel("Name of the new configuration").fill("iris-2");
  await form.getByLabel("Model").fill("none");
  await form.getByRole("button", { name: "Update", exact: true }).click();
  await form.getByRole("alert").getByText('Could not find model "arn:aws:sagemaker').waitFor();
  await accessible(page, "form of an update");
  await form.getByLabel("Model").fill("iris");
  await shot(page, "console-update");
  await form.getByRole("button", { name: "Update", exact: true }).click();
  await page.getByText(/configuration iris-2/).waitFor();
  await page.getByText("InService", { exact: true }).waitFor();
  await page.waitForFunction(() => ![...document.querySelectorAll("button")].find((b) => b.textContent === "Roll back").getAttribute("aria-disabled"));
  await page.getByRole("cell", { name: "2 of 2" }).waitFor(); // it kept its instances
  await page.locator("option").filter({ hasText: ", gone" }).first().waitFor({ state: "attached" }); // the logs of instances that are gone stay
  await page.getByRole("button", { name: "Roll back" }).click();
  await form.getByRole("button", { name: "Roll back" }).click();
  await page.getByText(/configuration iris ·/).waitFor();
  await page.getByText("InService", { exact: true }).waitFor();
  await page.evaluate(() => scrollTo(0, 0));
  await accessible(page, "endpoint");
  await shot(page, "console-endpoint");

  // On a phone, in the dark.
  const phone = await open(browser, { viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  await phone.goto(address);
  await phone.getByRole("heading", { name: "iris", exact: true }).waitFor();
  await phone.getByRole("img", { name: /^Utilisation/ }).waitFor();
  await accessible(phone, "endpoint on a phone, dark");
  await shot(phone, "console-endpoint-phone");
  await phone.goto(base + "/console/endpoints/us-east-1/none");
  await phone.getByText("There is no endpoint none in us-east-1.").waitFor();
  await phone.close();

  // Delete, after its name is typed.
  await page.getByRole("button", { name: "Delete" }).click();
  assert.equal(await form.getByRole("button", { name: "Delete" }).getAttribute("aria-disabled"), "true");
  await form.getByLabel("The endpoint's name, to confirm").fill("iris");
  await form.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("heading", { name: "No endpoint yet" }).waitFor();
}

/** A read-only key sees everything and may do nothing. */
async function reader(browser) {
  const page = await open(browser);
  await page.goto(address);
  for (const name of ["Test", "Scale by hand", "Change weights", "Update", "Delete"]) {
    assert.match(await page.getByRole("button", { name }).getAttribute("title"), /is read-only: it may change nothing/);
  }
  const refused = await page.evaluate(async () => {
    const r = await fetch("/console/api/invoke?endpoint=iris", { method: "POST", body: "5.1,3.5,1.4,0.2", headers: { "Content-Type": "text/csv" } });
    return { status: r.status, text: await r.text(), kind: r.headers.get("x-amzn-errortype") };
  });
  assert.equal(refused.status, 403);
  assert.equal(refused.kind, "AccessDeniedException");
  assert.match(refused.text, /not authorized to perform: sagemaker:InvokeEndpoint/);
}

await run(program, folder, { deploy, page: endpoint, reader }[what]);
