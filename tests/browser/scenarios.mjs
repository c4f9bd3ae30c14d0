// What an operator does with the dashboard, in a real browser. Each scenario gets a page that is open at the dashboard.
import assert from "node:assert/strict";

const row = (page, table, text) => page.getByRole("region", { name: table, exact: true }).locator("tbody tr").filter({ hasText: text }).first();
const open = (page, view) => page.getByRole("navigation").getByRole("link", { name: view, exact: true }).click();
const live = (page) => page.locator("#connection[data-state=live]").waitFor();

// The first chart has a line in a colour of the page.
const hasLine = (page, name) => page.waitForFunction((variable) => {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  const canvas = document.querySelector(".plot canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 200 && Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue) < 12) return true;
  }
  return false;
}, name);

export async function overview(page) {
  await page.waitForFunction(() => Number(document.querySelector(".card-value").textContent) > 1);
  assert.equal(await page.locator(".plot:has(canvas)").count(), 3);
  await page.getByText("catalog: 127.0.0.1:", { exact: false }).first().waitFor();
  assert.match(await page.locator(".plot").first().getAttribute("aria-label"), /^Requests per second: all [\d.]+/);
  await hasLine(page, "--blue");
}

// With a mouse: what is under the pointer, and a closer look at a span of time.
export async function charts(page) {
  const chart = page.locator(".chart").first();
  const readout = chart.locator(".readout");
  const box = await chart.locator(".plot").boundingBox();
  const to = (share) => page.mouse.move(box.x + 70 + (box.width - 75) * share, box.y + 70);
  const seconds = async () => {
    const [hours, minutes, rest] = (await readout.locator(".moment").textContent()).split(":").map(Number);
    return (hours * 60 + minutes) * 60 + rest;
  };
  // The seconds from one place of the chart to another, by what the pointer shows there.
  const span = async (from, until) => {
    await to(from);
    const first = await seconds();
    await to(until);
    return ((await seconds()) - first + 86400) % 86400;
  };
  assert.ok(await readout.isHidden());
  await to(0.5);
  await readout.waitFor();
  assert.match(await readout.textContent(), /^\d\d:\d\d:\d\dall [\d.]+4xx [\d.]+failing [\d.]+$/);
  // The pointer rests while the chart goes on: what is shown is always what is there now.
  const before = await readout.textContent();
  await page.waitForFunction((old) => document.querySelector(".readout").textContent !== old, before);
  assert.ok(await readout.isVisible());

  let whole = 0;
  while (whole < 10) {
    await page.waitForTimeout(200); // until the gateway has been up for long enough to look closer
    whole = await span(0, 1);
  }
  const all = chart.getByRole("button", { name: "Show all" });
  assert.ok(await all.isHidden());
  const drag = async () => {
    await to(0.3);
    await page.mouse.down();
    await to(0.4);
    await to(0.6);
    await page.mouse.up();
    await all.waitFor();
    const closer = await span(0, 1);
    assert.ok(closer < whole / 2, `${closer} of ${whole} seconds are shown`);
    // It stays while the chart goes on.
    const last = await page.locator(".chart").first().locator(".legend").textContent();
    await page.waitForFunction((old) => document.querySelector(".legend").textContent !== old, last);
    assert.ok((await span(0, 1)) < whole / 2);
  };
  await drag();
  await to(0.5);
  await page.mouse.dblclick(box.x + box.width / 2, box.y + 70);
  await all.waitFor({ state: "hidden" });
  assert.ok((await span(0, 1)) >= whole);
  await drag();
  await all.click();
  await all.waitFor({ state: "hidden" });
  assert.ok((await span(0, 1)) >= whole);
  await page.mouse.move(5, 5);
  await readout.waitFor({ state: "hidden" });
}

export async function routes(page) {
  await open(page, "Routes");
  await row(page, "Routes", "get-order").waitFor();
  const heads = page.getByRole("region", { name: "Routes", exact: true }).locator("thead th");
  const names = () => page.getByRole("region", { name: "Routes", exact: true }).locator("tbody th").allTextContents();
  await heads.filter({ hasText: "Route" }).getByRole("button").click();
  assert.equal(await heads.first().getAttribute("aria-sort"), "ascending");
  const up = await names();
  await heads.first().getByRole("button").click();
  assert.equal(await heads.first().getAttribute("aria-sort"), "descending");
  assert.deepEqual(await names(), [...up].reverse());
  await page.getByLabel("Filter routes").fill("get-ord");
  assert.deepEqual(await names(), ["get-order"]);
  await page.getByLabel("Filter routes").fill("nothing like it");
  assert.deepEqual(await names(), []);
  await row(page, "Policies", "rate_limit").waitFor();
}

export async function upstreams(page) {
  await open(page, "Upstreams");
  const dead = row(page, "Targets", "down: ");
  await dead.waitFor();
  assert.match(await dead.textContent(), /catalog/);
  assert.match(await row(page, "Upstreams", "catalog").textContent(), /1 of 2/);
}

export async function limits(page) {
  await open(page, "Limits");
  const row_ = row(page, "Being limited", "mobile-app");
  await row_.waitFor();
  assert.match(await row_.textContent(), /get-order.*rate limited/);
}

export async function cache(page) {
  await open(page, "Cache");
  await page.waitForFunction(() => /\d+%/.test(document.querySelector("tbody")?.textContent ?? ""));
  assert.match(await row(page, "Cached routes", "products").textContent(), /products/);
  await page.getByText(/On disk, 0 bodies take 0 B of 1\.?0? GiB/).waitFor();
}

// With the keyboard alone.
export async function requests(page) {
  await open(page, "Requests");
  const line = row(page, "Failing requests", "/v1/reports");
  await line.waitFor();
  await line.getByRole("button").focus();
  await page.keyboard.press("Enter");
  const story = page.locator(".story").first();
  await story.waitFor();
  const told = await story.textContent();
  assert.match(told, /route reports/);
  assert.match(told, /refused the connection/);
  assert.match(told, /the client had 502/);
  // The table goes on changing: what is open stays open.
  const first = await page.locator("tbody tr").first().textContent();
  await page.waitForFunction((before) => document.querySelector("tbody tr").textContent !== before, first);
  assert.ok(await story.isVisible());
  await page.locator("button[aria-expanded=true]").press("Space");
  assert.equal(await page.locator(".story").count(), 0);
  await row(page, "Slowest requests", "GET").waitFor();
}

export async function configuration(page) {
  await open(page, "Configuration");
  const tree = page.locator(".tree");
  await tree.getByText("api.example.com").waitFor();
  const route = tree.locator(".route").filter({ hasText: "get-order" });
  assert.match(await route.textContent(), /key_auth.*rate_limit.*orders.*gateway\.yaml:\d+/);
  await page.getByLabel("Filter the route tree").fill("products");
  assert.equal(await tree.locator(".route").count(), 1);
  const text = await page.locator("main").textContent();
  assert.ok(!text.includes("sha256:"), "a hash is shown");
}

export async function explain(page) {
  await open(page, "Explain");
  const line = page.getByLabel("A curl line");
  await line.fill("curl -s http://api.example.com/v1/orders/7 \\\n  -H 'accept: application/json'");
  await page.getByRole("button", { name: "Explain" }).click();
  const answer = page.getByRole("region", { name: "Explanation" });
  await answer.getByText("refuses (401, key missing)").waitFor();
  await answer.getByText("401, refused by key_auth (key missing)").waitFor();
  assert.match(await answer.textContent(), /get-order.*key_auth.*rate_limit.*not reached/s);
  await line.fill(`curl http://api.example.com/v1/orders/7 -H "x-api-key: ${process.env.API_KEY}"`);
  await line.press("Control+Enter");
  await answer.getByText("Served by the upstream").waitFor();
  assert.match(await answer.textContent(), /A route takes it.*Path for the target\s*\/orders\/7/s);
  await line.fill("curl 'http://api.example.com/v1");
  await line.press("Control+Enter");
  await answer.getByText("a quote is not closed").waitFor();
}

export async function log_in(page) {
  await page.locator("#login").waitFor();
  await page.keyboard.press("Escape"); // the dialog stays
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("There is no such token.").waitFor();
  await page.getByLabel("Token").fill(process.env.ADMIN_TOKEN);
  await page.getByRole("button", { name: "Log in" }).click();
  await live(page);
  const cookies = await page.context().cookies();
  assert.deepEqual(cookies.map((one) => [one.httpOnly, one.sameSite]), [[true, "Strict"]]);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.locator("#login").waitFor();
}

export async function themes(page) {
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const button = page.locator("#theme");
  await page.emulateMedia({ colorScheme: "light" });
  const light = await back();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await back();
  assert.notEqual(light, dark);
  await hasLine(page, "--blue");
  await button.click(); // light, whatever the system has
  assert.equal(await back(), light);
  await hasLine(page, "--blue");
  await page.reload();
  assert.equal(await back(), light);
  await button.click();
  await page.emulateMedia({ colorScheme: "light" });
  assert.equal(await back(), dark);
}

// For those who see, hear or move differently: axe's rules, in both colours.
export async function accessible(page, { axe }) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const view of ["Overview", "Routes", "Upstreams", "Requests", "Limits", "Cache", "Configuration", "Explain"]) {
      await open(page, view);
      await page.locator("main .panel").first().waitFor();
      const found = await axe(page);
      assert.deepEqual(found, [], `${view}, ${colorScheme}`);
    }
  }
}

// A narrow window neither scrolls sideways nor loses the way to a view.
export async function narrow(page) {
  await page.setViewportSize({ width: 390, height: 800 });
  for (const view of ["Overview", "Routes", "Requests", "Configuration", "Explain"]) {
    await open(page, view);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wider, 0, view);
  }
  // The charts take the width that there is, when it grows again too.
  const fits = () => page.waitForFunction(() => [...document.querySelectorAll(".plot")].every((plot) =>
    [...plot.querySelectorAll("canvas")].every((canvas) => Math.abs(canvas.clientWidth - plot.clientWidth) < 2)));
  await open(page, "Overview");
  await fits();
  await page.setViewportSize({ width: 1000, height: 800 });
  await fits();
}

export async function reconnects(page, { command }) {
  await command("stop");
  await page.locator("#connection[data-state=waiting]").waitFor();
  await command("start");
  await live(page);
}

// A page of another site cannot read or change anything, and cannot show the dashboard in a frame.
export async function other_sites(page, { base }) {
  const outside = await page.context().newPage();
  await outside.goto(process.env.OTHER_SITE);
  const results = await outside.evaluate(async (url) => {
    const tell = async (path, options) => {
      try {
        const response = await fetch(url + path, options);
        return response.type === "opaque" ? "opaque" : response.status;
      } catch (error) {
        return error.name;
      }
    };
    return [await tell("/api/now"), await tell("/reload", { method: "POST" }), await tell("/reload", { method: "POST", mode: "no-cors" })];
  }, base);
  assert.deepEqual(results.slice(0, 2), ["TypeError", "TypeError"]);
  await outside.evaluate((url) => {
    const frame = document.createElement("iframe");
    frame.src = url;
    document.body.append(frame);
  }, base);
  await outside.waitForTimeout(500);
  const framed = outside.frames().find((one) => one !== outside.mainFrame());
  assert.equal(await framed.locator("nav a").count().catch(() => 0), 0);
  await outside.close();
}

export async function screenshots(page, { folder }) {
  for (const [view, colorScheme] of [["Overview", "light"], ["Overview", "dark"], ["Upstreams", "light"], ["Requests", "dark"], ["Configuration", "light"], ["Explain", "light"], ["Routes", "light"], ["Limits", "dark"]]) {
    await page.emulateMedia({ colorScheme });
    await open(page, view);
    if (view === "Explain") {
      await page.getByLabel("A curl line").fill("curl https://api.example.com/v1/orders/7 -H 'accept: application/json'");
      await page.getByRole("button", { name: "Explain" }).click();
      await page.getByText("refuses (401, key missing)").waitFor();
    }
    if (view === "Requests") await row(page, "Failing requests", "/v1/reports").getByRole("button").click();
    await page.mouse.move(0, 0);
    if (view === "Overview") await page.locator(".plot").first().hover({ position: { x: 330, y: 60 } });
    await page.waitForTimeout(1200);
    await page.screenshot({ path: `${folder}/dashboard-${view.toLowerCase()}-${colorScheme}.png` });
  }
}
