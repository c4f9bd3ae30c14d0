// What scenarios have in common.
import assert from "node:assert/strict";

// The first row with a text, of the table with this caption.
export const row = (page, table, text) => page.getByRole("region", { name: table, exact: true }).locator("tbody tr").filter({ hasText: text }).first();

export const goTo = async (page, place) => {
  await page.evaluate((to) => {
    location.hash = to;
  }, place);
};
export const heading = (page, name) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
export const button = (page, name) => page.getByRole("main").getByRole("button", { name, exact: true });
export const inForce = (page, text) => page.locator(".notices").getByText(text).last().waitFor();
// The field and the YAML of the page of an object.
export const field = (page, name) => page.getByRole("region", { name: "Form" }).getByLabel(name, { exact: true });
export const yaml = (page) => page.getByLabel("YAML", { exact: true });
// An object among the differences of the page of a draft.
export const differing = (page, title) => page.getByRole("list", { name: "Changed objects" }).getByRole("listitem").filter({ has: page.getByRole("link", { name: title, exact: true }) });

// Makes a draft, which then is the chosen one.
export async function makeDraft(page, name) {
  await goTo(page, "#changes");
  await page.getByLabel("New draft").fill(name);
  await button(page, "Make the draft").click();
  await heading(page, `Draft ${name}`);
  await page.getByText("The draft has no changes.", { exact: false }).waitFor();
}

// Presses Tab until the control of this name has the focus.
export async function tabTo(page, name) {
  for (let presses = 0; presses < 150; presses += 1) {
    await page.keyboard.press("Tab");
    if (await focused(page) === name) return;
  }
  assert.fail(`Tab does not reach “${name}”`);
}
// The name of the control that has the focus.
export const focused = (page) => page.evaluate(() => {
  const one = document.activeElement;
  return one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent.trim() ?? one.textContent.trim();
});
export const press = async (page, name) => {
  await tabTo(page, name);
  await page.keyboard.press("Enter");
};
export const type = async (page, name, text) => {
  await tabTo(page, name);
  await page.keyboard.type(text);
};

// Opens each place of the dashboard in both colour schemes, and demands that axe finds nothing. `prepare(place)` is
// called before axe looks.
export async function axeOfPages(page, axe, places, prepare = async () => {}) {
  // The schemes differ only in their colours.
  for (const [colorScheme, options] of [["light", {}], ["dark", { runOnly: ["color-contrast"] }]]) {
    // Without animations: during a change of the background, contrasts are temporary.
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const place of places) {
      await page.evaluate((to) => {
        location.hash = to;
      }, place);
      await page.locator("main .panel:visible").first().waitFor();
      await prepare(place);
      assert.deepEqual(await axe(page, options), [], `${place}, ${colorScheme}`);
    }
  }
}
