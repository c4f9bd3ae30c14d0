// Drafts on the dashboard, in a real browser: several users of one draft, what others publish meanwhile, and the keyboard.
import assert from "node:assert/strict";

import { axeOfPages, button, differing, field, focused, goTo, heading, inForce, makeDraft, press, row, tabTo, type, yaml } from "./support.mjs";

async function logIn(page, token) {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator("#connection[data-state=live]").waitFor();
}

// Puts the route of a name with this path into the chosen draft.
async function putPath(page, name, path) {
  await goTo(page, `#object/routes/${name}`);
  await field(page, "path").fill(path);
  await button(page, "Put into the draft").click();
}

const facts = (page, text) => page.getByRole("status").filter({ hasText: text }).waitFor();
const meanwhile = (page) => page.getByRole("region", { name: "Changed meanwhile" });
// From now on the page reads nothing by itself, so that it shows what was, as just before it reads again.
const stopReading = (page) => page.evaluate(() => {
  for (let timer = setInterval(() => {}, 1e9); timer > 0; timer -= 1) clearInterval(timer);
});

// Two users write one draft in their own browsers. What one does is shown to the other, and nothing is lost unseen.
export async function two_users(ann, { open, command }) {
  await logIn(ann, process.env.ANN);
  await makeDraft(ann, "shop");
  await putPath(ann, "kept", "/ann");
  await differing(ann, "routes/kept").filter({ hasText: /- \/kept.*\+ \/ann/s }).waitFor();
  const bob = await open();
  await logIn(bob, process.env.BOB);
  await goTo(bob, "#changes");
  await row(bob, "Drafts", "shop").filter({ hasText: /ann.*~routes\/kept.*none/s }).waitFor();
  await row(bob, "Drafts", "shop").getByRole("link").click();
  await heading(bob, "Draft shop");
  await facts(bob, /^One object differs.*Made by ann, .*changed last by ann, /);
  // Both have the object open; the first to write it wins, and the other one sees what has changed.
  await goTo(ann, "#object/routes/kept");
  await differing(bob, "routes/kept").getByRole("link").click();
  for (const page of [ann, bob]) {
    await page.getByText("The page shows the object as the draft shop has it.").waitFor();
    assert.equal(await field(page, "path").inputValue(), "/ann");
  }
  await putPath(bob, "kept", "/bob");
  await differing(bob, "routes/kept").filter({ hasText: "+ /bob" }).waitFor();
  await field(ann, "path").fill("/later");
  await button(ann, "Put into the draft").click();
  await meanwhile(ann).filter({ hasText: /bob has changed the draft last\. Nothing was written\..*- \/ann.*\+ \/bob/s }).waitFor();
  await meanwhile(ann).getByRole("button", { name: "Show their version" }).click();
  await meanwhile(ann).waitFor({ state: "detached" });
  await ann.waitForFunction(() => document.querySelector("[data-pointer='/match/path'] input").value === "/bob");
  await field(ann, "path").fill("/both");
  await button(ann, "Put into the draft").click();
  await differing(bob, "routes/kept").filter({ hasText: "+ /both" }).waitFor(); // without a reload
  await facts(bob, "changed last by ann");
  // A new object does not replace one that another user has put there, unless the user says so.
  await goTo(ann, "#new/routes");
  await yaml(ann).fill("name: twice\nmatch: {path: /ann}\nupstream: orders\n");
  await ann.getByText("The gateway finds no error.").waitFor();
  await goTo(bob, "#new/routes");
  await yaml(bob).fill("name: twice\nmatch: {path: /bob}\nupstream: orders\n");
  await bob.getByText("The gateway finds no error.").waitFor();
  await button(bob, "Put into the draft").click();
  await differing(bob, "routes/twice").waitFor();
  await button(ann, "Put into the draft").click();
  await meanwhile(ann).getByRole("button", { name: "Replace it by mine" }).click();
  await differing(bob, "routes/twice").filter({ hasText: '"path": "/ann"' }).waitFor();
  // Taking back and deleting what a page has not shown yet is refused.
  await stopReading(bob);
  await putPath(ann, "twice", "/unseen");
  await differing(ann, "routes/twice").filter({ hasText: "/unseen" }).waitFor();
  await button(bob, "Take back routes/twice").click();
  await bob.locator(".notices").getByText(/has changed meanwhile; the draft was changed last by ann\./).waitFor();
  await differing(bob, "routes/twice").filter({ hasText: "/unseen" }).waitFor();
  await button(bob, "Take back routes/twice").click();
  await differing(bob, "routes/twice").waitFor({ state: "detached" });
  await differing(ann, "routes/twice").waitFor({ state: "detached" });
  // A reload keeps the draft and its choice.
  await ann.reload();
  await differing(ann, "routes/kept").filter({ hasText: "+ /both" }).waitFor();
  await goTo(ann, "#objects");
  await row(ann, "Objects", "kept").filter({ hasText: /the draft.*changed/s }).waitFor();
  assert.equal(await ann.getByLabel("Shown with the draft").inputValue(), "shop");
  await ann.getByLabel("Shown with the draft").selectOption("");
  await row(ann, "Objects", "kept").filter({ hasText: "API, revision" }).waitFor();
  // What others publish is a conflict, which is decided for each object.
  await putPath(bob, "other", "/draft");
  await differing(bob, "routes/other").waitFor();
  await command("publish_elsewhere");
  await goTo(ann, "#changes");
  await row(ann, "Drafts", "shop").filter({ hasText: "routes/kept, routes/other" }).getByRole("link").click();
  const conflicts = ann.getByRole("region", { name: "Conflicts" });
  await conflicts.getByLabel("What others have changed in routes/kept").filter({ hasText: /- \/kept.*\+ \/theirs/s }).waitFor();
  await conflicts.getByLabel("What the draft changes in routes/kept").filter({ hasText: /- \/kept.*\+ \/both/s }).waitFor();
  await button(ann, "Publish").click();
  const refused = ann.getByRole("region", { name: "Not published" });
  await refused.getByText("Decide under “Conflicts” what becomes of routes/kept, routes/other.").waitFor();
  await conflicts.getByRole("button", { name: "Take the version in force of routes/other" }).click();
  await differing(ann, "routes/other").waitFor({ state: "detached" });
  await conflicts.getByRole("button", { name: "Keep the draft's version of routes/kept" }).click();
  await conflicts.waitFor({ state: "hidden" });
  await differing(ann, "routes/kept").filter({ hasText: /- \/theirs.*\+ \/both/s }).waitFor();
  await goTo(bob, "#draft/shop");
  await facts(bob, /^One object differs/);
  await ann.getByLabel("Why").fill("agreed");
  await button(ann, "Publish").click();
  await inForce(ann, /in force: ~1 route\.$/);
  await heading(ann, "History");
  await facts(bob, "There is no draft “shop”: it has been published or deleted.");
}

// A draft is made, changed, decided and deleted by the keyboard alone; the focus stays while others change the draft.
export async function keyboard_drafts(page, { command }) {
  const hasFocus = async (name) => {
    await page.waitForFunction(() => document.activeElement !== document.body);
    assert.equal(await focused(page), name);
  };
  await press(page, "Changes");
  await heading(page, "Changes");
  await type(page, "New draft", "typed");
  await page.keyboard.press("Enter");
  await heading(page, "Draft typed");
  await command("others_write"); // routes a, kept and z into the draft
  await differing(page, "routes/z").waitFor();
  await press(page, "Skip to content");
  await page.waitForFunction(() => document.activeElement.id === "main");
  await tabTo(page, "Take back routes/kept");
  await command("others_write_more"); // another version of kept and a, and routes/0
  await differing(page, "routes/0").waitFor();
  await differing(page, "routes/kept").filter({ hasText: "/more" }).waitFor();
  await hasFocus("Take back routes/kept");
  await page.keyboard.press("Enter");
  await differing(page, "routes/kept").waitFor({ state: "detached" });
  await hasFocus("routes/z"); // the next entry
  await press(page, "Take back routes/z");
  await differing(page, "routes/z").waitFor({ state: "detached" });
  await hasFocus("routes/a");
  await command("publish_a");
  await page.getByRole("region", { name: "Conflicts" }).waitFor();
  await hasFocus("routes/a");
  await press(page, "Take the version in force of routes/a");
  await page.getByRole("region", { name: "Conflicts" }).waitFor({ state: "hidden" });
  await page.waitForFunction(() => document.activeElement.id === "main");
  await press(page, "Plan");
  await page.getByRole("region", { name: "Rehearsal" }).waitFor();
  await hasFocus("Plan");
  await press(page, "Delete the draft");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await hasFocus("Delete the draft");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Enter");
  await heading(page, "Changes");
  await page.getByText("There is no draft. Make one here", { exact: false }).waitFor();
  await page.waitForFunction(() => document.activeElement.id === "main");
  // An object in the draft that is deleted and put back from its own page.
  await press(page, "Objects");
  await row(page, "Objects", "kept").waitFor();
  await press(page, "kept");
  await button(page, "Delete in the draft").waitFor();
  await press(page, "Delete in the draft");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Enter");
  await differing(page, "routes/kept").filter({ hasText: "is removed" }).waitFor();
  await press(page, "routes/kept");
  await page.getByText("deletes the object, which is shown as it is in force.").waitFor();
  await press(page, "Take back");
  await page.getByText("The draft has no changes.", { exact: false }).waitFor();
}

// axe has no findings in a draft with conflicts and a plan, and a narrow window does not scroll sideways.
export async function accessible_drafts(page, { axe, command }) {
  await makeDraft(page, "seen");
  await putPath(page, "kept", "/a-rather-long-path-that-needs-a-lot-of-space-on-a-phone");
  await differing(page, "routes/kept").waitFor();
  await goTo(page, "#object/routes/kept");
  await page.getByText("The gateway finds no error.").waitFor();
  await command("conflict_with_seen");
  await button(page, "Put into the draft").click();
  await meanwhile(page).waitFor();
  assert.deepEqual(await axe(page), []);
  const places = ["#changes", "#objects", "#draft/seen"];
  await axeOfPages(page, axe, places, async (place) => {
    if (place !== "#draft/seen") return;
    await page.getByRole("region", { name: "Conflicts" }).waitFor();
    await button(page, "Plan").click();
    await page.getByRole("region", { name: "Rehearsal" }).waitFor();
  });
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/draft.png`, fullPage: true });
  await page.setViewportSize({ width: 360, height: 780 });
  for (const place of places) {
    await goTo(page, place);
    await page.locator("main .panel:visible").first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, place);
  }
}

// Where files alone may change objects, the page says so, and offers nothing else.
export async function files_only(page) {
  await page.goto(process.env.FILES_ONLY);
  await page.locator("#connection[data-state=live]").waitFor();
  for (const place of ["#changes", "#objects", "#new/routes"]) {
    await goTo(page, place);
    await page.getByText("Objects can be changed in files only: admin.writes is files.").waitFor();
  }
  assert.equal(await yaml(page).getAttribute("readonly"), "");
  assert.ok(await button(page, "Put into the draft").isHidden());
  await goTo(page, "#changes");
  assert.ok(await button(page, "Make the draft").isHidden());
  await goTo(page, "#objects");
  await row(page, "Objects", "orders").waitFor();
  assert.ok(await page.getByRole("link", { name: "New route" }).isHidden());
  await goTo(page, "#object/routes/orders");
  await field(page, "path_prefix").fill("/other");
  await button(page, "Show the difference for the file").click();
  await page.getByRole("region", { name: /^Difference for / }).filter({ hasText: /^\+.*\/other/m }).waitFor();
}
