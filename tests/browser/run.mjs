// Runs scenarios in headless Chromium: node run.mjs BASE_URL NAME... A scenario fails when the page logs to
// its console, or violates its content security policy. `command` writes to standard output, and waits for a
// line of standard input.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import * as drafts from "./drafts.mjs";
import * as publishing from "./publishing.mjs";
import * as watching from "./scenarios.mjs";

const scenarios = { ...watching, ...publishing, ...drafts };
// Scenarios that begin without a session.
const LOG_IN = ["log_in", "viewer", "reads_only", "two_users"];
// What the console may say: the answers of the gateway that a scenario provokes.
const EXPECTED = { log_in: /401/, viewer: /401/, reads_only: /401|403/, reconnects: /ERR_|EventSource/, explain: /422/, form_and_yaml: /400/, api_object: /409|422/,
  file_object: /409/, plan: /409/, conflict: /409/, two_users: /401|404|409|412/, accessible_drafts: /412/, files_only: /409/ };
const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axeSource = require.resolve("axe-core/axe.min.js");
const [base, ...names] = process.argv.slice(2);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function command(text) {
  console.log(`command ${text}`);
  await lines.next();
}

const axeText = readFileSync(axeSource, "utf8");
async function axe(page, options = {}) {
  // The page's own policy permits no foreign script, so the browser's debugger inserts it.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axeText);
  const { violations } = await page.evaluate((wanted) => globalThis.axe.run({ resultTypes: ["violations"], ...wanted }), options);
  return violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
let failed = 0;
// Another browser, whose page shows the dashboard; what its console says is added to `complaints`.
async function open(contexts, complaints) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 } });
  contexts.push(context);
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(base);
  return page;
}

for (const name of names) {
  const complaints = [], contexts = [];
  let page;
  try {
    page = await open(contexts, complaints);
    if (!LOG_IN.includes(name)) await page.locator("#connection[data-state=live]").waitFor();
    await scenarios[name](page, { axe, command, base, folder: process.env.SCREENSHOTS, open: () => open(contexts, complaints) });
    const unexpected = complaints.filter((text) => !EXPECTED[name]?.test(text));
    if (unexpected.length > 0) throw new Error(`the console said: ${unexpected.join("; ")}`);
    console.log(`passed ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`failed ${name}: ${error.stack}`);
    if (process.env.SCREENSHOTS) await page?.screenshot({ path: `${process.env.SCREENSHOTS}/failed-${name}.png` });
  }
  await Promise.all(contexts.map((one) => one.close()));
}
await browser.close();
process.exit(failed > 0 ? 1 : 0);
