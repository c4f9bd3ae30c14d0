// What scenarios have in common.
import assert from "node:assert/strict";

// The first row with a text, of the table with this caption.
export const row = (page, table, text) => page.getByRole("region", { name: table, exact: true }).locator("tbody tr").filter({ hasText: text }).first();

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
