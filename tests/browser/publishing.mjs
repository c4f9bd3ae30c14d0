// How objects are changed and published with the dashboard, in a real browser. Each scenario gets a page that shows the
// dashboard of a gateway with a store.
import assert from "node:assert/strict";

import { axeOfPages, button, differing, field, goTo, heading, inForce, makeDraft, press, row, type, yaml } from "./support.mjs";

const holds = (page, text) => page.waitForFunction((part) => document.querySelector("#object-yaml").value.includes(part), text);
async function add(page, to, what) {
  await page.getByRole("combobox", { name: `Add to ${to}`, exact: true }).selectOption(what);
  await button(page, `Add to ${to}`).click();
}
// Puts a new object into the chosen draft.
async function begin(page, kind, value) {
  await goTo(page, `#new/${kind}`);
  await yaml(page).fill(value);
  await page.getByText("The gateway finds no error.").waitFor();
  await button(page, "Put into the draft").click();
  await page.getByRole("heading", { level: 1, name: /^Draft / }).waitFor();
}
async function planned(page) {
  await button(page, "Plan").click();
  await page.getByRole("region", { name: "Rehearsal", exact: true }).waitFor();
}

// An upstream and a route are made, planned, published and rolled back by the keyboard alone.
export async function keyboard(page, { command }) {
  await press(page, "Objects");
  await button(page, "Put into the draft").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "New upstream" }).waitFor();
  await press(page, "New upstream");
  await field(page, "name").waitFor();
  await type(page, "name", "typed");
  await type(page, "Add to upstreams", "targets");
  await press(page, "Add to upstreams");
  await page.keyboard.type("127.0.0.1:1"); // the new target has the focus
  await page.getByText("The gateway finds no error.").waitFor();
  await press(page, "Put into the draft");
  await page.getByRole("dialog").waitFor(); // asks for the name of the draft
  await page.keyboard.press("Enter"); // the button that confirms has the focus
  await heading(page, "Draft changes");
  await differing(page, "upstreams/typed").waitFor();
  await press(page, "Objects");
  await page.getByRole("link", { name: "New route" }).waitFor();
  await press(page, "New route");
  await field(page, "name").waitFor();
  await type(page, "name", "typed");
  await type(page, "Add to match", "path_prefix");
  await press(page, "Add to match");
  await page.keyboard.type("/typed");
  await type(page, "Add to routes", "upstream");
  await press(page, "Add to routes");
  await page.keyboard.type("typed");
  await page.getByText("The gateway finds no error.").waitFor();
  await press(page, "Put into the draft");
  await heading(page, "Draft changes");
  await differing(page, "routes/typed").waitFor();
  await press(page, "Plan");
  await page.getByText("recorded requests", { exact: false }).first().waitFor();
  await type(page, "Why", "typed by hand");
  await page.keyboard.press("Enter");
  await inForce(page, /^Revision \d+ is in force: \+1 route, \+1 upstream\.$/);
  await command("typed_route_serves");
  await heading(page, "History");
  await row(page, "Revisions", "typed by hand").waitFor();
  const before = Number(await page.evaluate(() => location.hash) && await row(page, "Revisions", "typed by hand").locator("th").textContent()) - 1;
  await press(page, String(before));
  await heading(page, `Revision ${before}`);
  await press(page, "Restore");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Enter"); // the button that confirms has the focus
  await inForce(page, /^Revision \d+ is in force: -1 route, -1 upstream\.$/);
  await command("typed_route_is_gone");
}

// The form and the YAML show the same value, and what is wrong is shown at its field.
export async function form_and_yaml(page) {
  await goTo(page, "#new/routes");
  await field(page, "name").fill("Form");
  await holds(page, "name: Form");
  await add(page, "match", "hosts");
  await field(page, "1").fill("shop.example.com");
  await holds(page, "- shop.example.com");
  await add(page, "routes", "upstream");
  await field(page, "upstream").fill("ordres");
  const fault = page.locator("[data-pointer='/upstream'] > .field-fault");
  await fault.filter({ hasText: "there is no upstream `ordres` - did you mean `orders`?" }).waitFor();
  assert.equal(await field(page, "upstream").getAttribute("aria-invalid"), "true");
  const described = await field(page, "upstream").getAttribute("aria-describedby");
  assert.ok(described.split(" ").includes(await fault.getAttribute("id")));
  // The other way: a change of the text changes the fields, lists and mappings too.
  await yaml(page).fill("name: Form\nmatch: {hosts: [a.example.com, b.example.com], headers: {x-beta: {present: true}}}\n"
    + "policies:\n  - key_auth: {}\n  - rate_limit: {limit: 5/s}\nupstream: orders\nlabels: {team: shop}\n");
  await page.locator("[data-pointer='/match/hosts/1'] input").waitFor();
  assert.equal(await page.locator("[data-pointer='/match/hosts/1'] input").inputValue(), "b.example.com");
  assert.equal(await field(page, "upstream").inputValue(), "orders");
  assert.equal(await page.getByLabel("Kind of policies 2").inputValue(), "rate_limit");
  assert.equal(await page.getByLabel("Form of match headers x-beta").evaluate((one) => one.selectedOptions[0].text), "settings");
  assert.equal(await page.getByLabel("Name of labels team").inputValue(), "team");
  await page.getByText("The gateway finds no error.").waitFor();
  await button(page, "Move up policies 2").click();
  await page.waitForFunction(() => /rate_limit[^]*key_auth/.test(document.querySelector("#object-yaml").value));
  await button(page, "Remove upstream").click();
  await page.locator("[data-pointer=''] > .field-fault").filter({ hasText: "route needs `upstream`" }).waitFor();
  // A text that is not YAML is marked with its place, and leaves the form as it is.
  await yaml(page).fill("name: [Form");
  await page.getByText("Line 1, column 7: the `[` here is not closed").waitFor();
  assert.equal(await yaml(page).getAttribute("aria-invalid"), "true");
  assert.equal(await field(page, "name").inputValue(), "Form");
  // A new object must not take the place of another one.
  await yaml(page).fill("name: kept\nmatch: {path: /other}\nupstream: orders\n");
  await page.locator("[data-pointer='/name'] > .field-fault").filter({ hasText: "there is an object routes/kept already" }).waitFor();
}

// An object of the API can be changed and deleted; its secrets are shown as ***, and stay.
export async function api_object(page, { command }) {
  await makeDraft(page, "api-object");
  await goTo(page, "#objects");
  await row(page, "Objects", "secretive").getByRole("link").click();
  await heading(page, "upstreams/secretive");
  await page.getByText(/From: API, revision \d+\./).waitFor();
  assert.equal(await field(page, "token").inputValue(), "***");
  assert.equal(await field(page, "token").getAttribute("type"), "password");
  assert.ok(!(await yaml(page).inputValue()).includes("token-of-consul"));
  assert.equal(await field(page, "name").getAttribute("readonly"), "");
  await field(page, "service").fill("other");
  await holds(page, "service: other");
  await page.getByText("The gateway finds no error.").waitFor();
  await button(page, "Put into the draft").click();
  await differing(page, "upstreams/secretive").filter({ hasText: "is changed" }).waitFor();
  await planned(page);
  await page.getByLabel("Difference of upstreams/secretive").filter({ hasText: /\/discover\/consul\/service.*- shop.*\+ other/s }).waitFor();
  await button(page, "Publish").click();
  await inForce(page, /in force: ~1 upstream/);
  await command("secret_is_kept");
  // Deleting what a route refers to is shown as what would be wrong.
  await makeDraft(page, "deletes");
  await goTo(page, "#object/upstreams/orders-api");
  await button(page, "Delete in the draft").click();
  await differing(page, "upstreams/orders-api").filter({ hasText: "is removed" }).waitFor();
  await button(page, "Plan").click();
  await page.getByRole("region", { name: "Diagnostics" }).filter({ hasText: "there is no upstream `orders-api`" }).waitFor();
  await button(page, "Publish").click();
  await page.getByRole("region", { name: "Not published" }).filter({ hasText: "Not published:" }).waitFor();
  await button(page, "Take back upstreams/orders-api").click();
  await page.getByText("The draft has no changes.", { exact: false }).waitFor();
}

// An object of a file says where it is, and which difference the file would need.
export async function file_object(page) {
  await goTo(page, "#objects");
  const line = row(page, "Objects", /^orders\s*routes/);
  await line.waitFor();
  assert.match(await line.textContent(), /gateway\.yaml:\d+/);
  await line.getByRole("link").click();
  await page.getByText(/The object belongs to .*gateway\.yaml:\d+ and is changed there\./).waitFor();
  assert.equal(await button(page, "Put into the draft").count(), 0);
  await field(page, "path_prefix").fill("/other");
  await button(page, "Show the difference for the file").click();
  await page.getByRole("region", { name: /^Difference for .*gateway\.yaml$/ }).filter({ hasText: /^\+.*\/other/m }).waitFor();
}

// A plan shows what happens to recorded requests; a publication that changes more than its bound is refused.
export async function plan(page) {
  await makeDraft(page, "planned");
  await begin(page, "routes", "name: taken\nmatch: {path_prefix: /orders/1}\npolicies: [{respond: {status: 410}}, {rate_limit: {limit: 1/h}}]\n");
  await planned(page);
  const rehearsal = page.getByRole("region", { name: "Rehearsal" });
  await rehearsal.getByText(/^1 of \d+ recorded requests$/).waitFor();
  await rehearsal.locator("tbody tr").filter({ hasText: /forwarded to orders, route orders\s*answered with 410.*, route taken/ }).waitFor();
  assert.match(await rehearsal.locator("details").textContent(), /GET \/orders\/1/);
  await page.getByRole("region", { name: "Assertions" }).filter({ hasText: /met every route below `\/admin` has `key_auth`/ }).waitFor();
  await page.getByLabel("At most so many recorded requests may change").fill("0");
  await button(page, "Publish").click();
  const refused = page.getByRole("region", { name: "Not published" });
  await refused.getByText(/more than `max_changed` allows/).waitFor();
  await refused.getByText(/^1 of \d+ recorded requests$/).waitFor();
  // An assertion that the draft violates.
  await button(page, "Take back routes/taken").click();
  await begin(page, "routes", "name: open\nmatch: {path_prefix: /adm}\nupstream: orders\n");
  await goTo(page, "#object/routes/open");
  await yaml(page).fill("name: open\nmatch: {path_prefix: /admin}\nupstream: orders\n");
  await page.getByLabel("Problems elsewhere").or(page.locator(".field-fault:not([hidden])")).first().waitFor();
  await button(page, "Put into the draft").click();
  await planned(page);
  await page.getByRole("region", { name: "Diagnostics" }).waitFor();
}

// Others have published meanwhile: their change is shown, and the draft's version is kept.
export async function conflict(page, { command }) {
  await makeDraft(page, "conflict");
  await goTo(page, "#object/routes/kept");
  await field(page, "path").fill("/mine");
  await page.getByText("The gateway finds no error.").waitFor();
  await button(page, "Put into the draft").click();
  await differing(page, "routes/kept").waitFor();
  await command("publish_elsewhere");
  const conflicts = page.getByRole("region", { name: "Conflicts" });
  await conflicts.getByLabel("What others have changed in routes/kept").filter({ hasText: /\/match\/path.*- \/kept.*\+ \/theirs/s }).waitFor(); // without a reload
  await button(page, "Publish").click();
  await page.getByRole("region", { name: "Not published" }).getByText("Decide under “Conflicts” what becomes of routes/kept.").waitFor();
  await conflicts.getByRole("button", { name: "Keep the draft's version of routes/kept" }).click();
  await conflicts.waitFor({ state: "hidden" });
  await button(page, "Publish").click();
  await inForce(page, /in force: ~1 route/);
}

// A canary serves a share; both revisions are compared while it does. It is withdrawn, and another one promoted.
export async function canary(page, { command }) {
  const byShare = async () => {
    await page.getByLabel("Share of the requests", { exact: true }).fill("50%");
    await page.getByLabel("Requests that belong together").fill("{request.header.x-user}");
  };
  const byNodes = async () => {
    await page.getByLabel("Node by node").check();
    assert.ok(await page.getByLabel("Requests that belong together").isHidden());
    await page.getByLabel("Nodes in each step").fill("2");
  };
  const start = async (status, divide, told) => {
    await makeDraft(page, `trial-${status}`);
    await begin(page, "routes", `name: trial-${status}\nmatch: {path: /trial}\npolicies: [{respond: {status: ${status}}}]\n`);
    await page.getByLabel("Serve a part of the requests first").check();
    await divide();
    await page.getByLabel("For", { exact: true }).fill("10m");
    await button(page, "Publish").click();
    await inForce(page, told);
    await page.getByRole("region", { name: "Canary", exact: true }).waitFor();
  };
  const panel = page.getByRole("region", { name: "Canary", exact: true });
  const end = async (verb, told) => {
    await panel.getByRole("button", { name: verb }).click();
    await page.getByRole("dialog").getByRole("button", { name: verb }).click();
    await inForce(page, told);
    await panel.waitFor({ state: "hidden" });
  };
  await start(503, byShare, /serves 50% of the requests\.$/);
  await panel.getByText(/by \{request\.header\.x-user\}.*is then withdrawn/).waitFor();
  await command("requests_of_many_users");
  const side = (name) => panel.locator("tbody tr").filter({ hasText: name });
  await page.waitForFunction(() => [...document.querySelectorAll("section[aria-label='Canary'] tbody tr")].every((one) => Number(one.children[1].textContent) > 3));
  assert.match(await side("the canary").textContent(), /100%[\d.]+ ms/);
  assert.match(await side("in force").textContent(), /0%[\d.]+ ms/);
  await end("Withdraw", /is withdrawn\.$/);
  await start(202, byNodes, /is served node by node\.$/);
  await panel.getByText(/is served node by node, and is then promoted/).waitFor();
  await end("Promote", /is in force\.$/);
  await command("trial_serves");
}

// Revisions: who, why and what; two of them compared; tags.
export async function revisions(page, { command }) {
  await goTo(page, "#history");
  await row(page, "Revisions", "in force").waitFor();
  await command("publish_more");
  await row(page, "Revisions", "told by an event").filter({ hasText: "in force" }).waitFor(); // without a reload of the page
  await row(page, "Revisions", "told by an event").getByRole("link").click();
  await page.getByRole("region", { name: /^From revision \d+ to revision \d+$/ }).filter({ hasText: /\+name: more/ }).waitFor();
  await page.getByLabel("About the revision").filter({ hasText: /Bylocal.*Whytold by an event.*What\+1 upstream/ }).waitFor();
  await page.getByLabel("Tag", { exact: true }).fill("good");
  await button(page, "Add the tag").click();
  await page.getByLabel("About the revision").getByText("good").waitFor();
  await page.getByLabel("from revision", { exact: true }).fill("1");
  await button(page, "Compare").click();
  await page.getByRole("region", { name: /^From revision 1 to revision \d+$/ }).waitFor();
  assert.match(await page.evaluate(() => location.hash), /with=1$/);
  await button(page, "Remove the tag good").click();
  await button(page, "Remove the tag good").waitFor({ state: "detached" });
}

export async function nodes(page) {
  await goTo(page, "#nodes");
  const line = page.getByRole("region", { name: "Nodes", exact: true }).locator("tbody tr").first();
  await line.filter({ hasText: /ready\s*\d+.*ago/ }).waitFor();
}

// With the role viewer everything can be read, and nothing can be changed.
export async function reads_only(page) {
  await page.getByLabel("Token").fill(process.env.READ_TOKEN);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator("#connection[data-state=live]").waitFor();
  await goTo(page, "#objects");
  await row(page, "Objects", "kept").waitFor();
  assert.ok(await page.getByRole("link", { name: "New route" }).isHidden());
  await row(page, "Objects", "kept").getByRole("link").click();
  await page.getByText("The role viewer reads objects; the role publisher changes them.").waitFor();
  assert.equal(await field(page, "path").getAttribute("readonly"), "");
  assert.equal(await yaml(page).getAttribute("readonly"), "");
  assert.equal(await page.getByRole("main").getByRole("button", { name: "Put into the draft" }).count(), 0);
  await goTo(page, "#history");
  await row(page, "Revisions", "in force").getByRole("link").click();
  await page.getByLabel("About the revision").waitFor();
  assert.ok(await page.getByRole("button", { name: "Restore" }).isHidden());
  // The gateway itself refuses the call, and names the role.
  const told = await page.evaluate(async () => (await fetch("/v1/revisions/1/restore", { method: "POST" })).json());
  assert.match(told.detail, /the role `publisher` is needed/);
}

// axe has no findings, also while a draft is planned, and a narrow window does not scroll sideways.
export async function accessible_publishing(page, { axe }) {
  await makeDraft(page, "shown");
  await begin(page, "routes", "name: shown\nmatch: {path_prefix: /orders/1, headers: {x-a: {regex: b}}}\npolicies: [{rate_limit: {limit: 1/h}}]\nupstream: orders\n");
  const places = ["#objects", "#new/upstreams", "#new/consumers", "#object/routes/shown", "#object/routes/orders", "#object/policies/", "#history", "#revision/2", "#nodes", "#changes", "#draft/shown"];
  await axeOfPages(page, axe, places, async (place) => {
    if (place === "#draft/shown") {
      await page.getByLabel("Serve a part of the requests first").check();
      await planned(page);
    }
  });
  await page.setViewportSize({ width: 360, height: 780 });
  for (const place of places) {
    await goTo(page, place);
    await page.locator("main .panel:visible").first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, place);
  }
}
