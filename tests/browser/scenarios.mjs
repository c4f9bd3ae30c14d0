// What an operator does with the dashboard, in a real browser. Each scenario gets a page that shows the
// dashboard.
import assert from "node:assert/strict";

import { row } from "./support.mjs";

const open = (page, view) => page.getByRole("navigation").getByRole("link", { name: view, exact: true }).click();
const heading = (page, name) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
const address = (page) => page.evaluate(() => decodeURIComponent(location.hash));
const VIEWS = ["Overview", "Routes", "Upstreams", "Consumers", "Requests", "Limits", "Cache", "Configuration", "Explain"];
// The pages that the rows link to, and a live tail with an open story.
const PLACES = ["#route/get-order", "#upstream/catalog", "#consumer/mobile-app", "#requests?status=4xx&tail=on"];
async function visit(page, place) {
  await page.evaluate((to) => {
    location.hash = to;
  }, place);
  await page.locator("main .panel tbody tr").first().waitFor();
  if (place.includes("tail")) await page.getByRole("region", { name: "Refused requests", exact: true }).locator("tbody button").first().click();
}
const live = (page) => page.locator("#connection[data-state=live]").waitFor();

// True when the first chart has drawn a line in one of the page's colours.
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
  await page.waitForFunction(() => document.querySelectorAll(".plot:has(canvas)").length === 4);
  // The gateway's own time next to its targets' time.
  const own = page.locator(".card").filter({ hasText: "Gateway's own time" });
  assert.match(await own.textContent(), /[\d.]+ ms.*targets: [\d.]+ ms/);
  await page.getByText("catalog: 127.0.0.1:", { exact: false }).first().waitFor();
  assert.match(await page.locator(".plot").first().getAttribute("aria-label"), /^Requests per second: all [\d.]+/);
  await hasLine(page, "--blue");
}

// With a mouse: the value under the pointer, and zooming into a span of time.
export async function charts(page) {
  const chart = page.locator(".chart").first();
  const readout = chart.locator(".readout");
  const box = await chart.locator(".plot").boundingBox();
  const to = (share) => page.mouse.move(box.x + 70 + (box.width - 75) * share, box.y + 70);
  const seconds = async () => {
    const [hours, minutes, rest] = (await readout.locator(".moment").textContent()).split(":").map(Number);
    return (hours * 60 + minutes) * 60 + rest;
  };
  // The seconds between two positions of the chart, according to the values under the pointer.
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
  // While the pointer rests and the chart moves, the shown value is the present one at that position.
  const before = await readout.textContent();
  await page.waitForFunction((old) => document.querySelector(".readout").textContent !== old, before);
  assert.ok(await readout.isVisible());

  let whole = 0;
  while (whole < 10) {
    await page.waitForTimeout(200);  // until the gateway has run long enough for zooming
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
    // The zoomed span stays while the chart moves.
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
  await page.getByText("No row matches the filter.").first().waitFor();
  // A route without traffic is listed too, and says what it matches.
  await page.getByLabel("Filter routes").fill("create-order");
  assert.match(await row(page, "Routes", "create-order").textContent(), /create-order\s*POST\s*api\.example\.com\s*\/v1\/orders\s*orders\s*0/);
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

// With the keyboard only.
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
  assert.match(told, /the client got 502/);
  // While the table is updated, an open row stays open.
  const first = await page.locator("tbody tr").first().textContent();
  await page.waitForFunction((before) => document.querySelector("tbody tr").textContent !== before, first);
  assert.ok(await story.isVisible());
  await page.locator("button[aria-expanded=true]").press("Space");
  assert.equal(await page.locator(".story").count(), 0);
  await row(page, "Slowest requests", "GET").waitFor();
}

// Why a request got 401 or 429: which policy refused it, for which reason, which caller, and on which route.
export async function refused(page) {
  await open(page, "Requests");
  const told = async (text) => {
    const line = row(page, "Refused requests", text);
    await line.waitFor();
    await line.getByRole("button").click();
    const story = page.locator(".story").first();
    const said = await story.textContent();
    await page.locator("button[aria-expanded=true]").click();  // other rows may have become the first
    return said;
  };
  const limited = await told("rate_limit: rate limited");
  assert.match(limited, /Status429.*Policy rate_limit refused the request \(.*gateway\.yaml:\d+\).*A rate limit refused the request\..*Formobile-app.*Onget-order/s);
  const missing = await told("key_auth: key missing");
  assert.match(missing, /Status401.*Policy key_auth refused the request \(.*gateway\.yaml:\d+\).*The request has no key\..*no consumer, from the address 127\.0\.0\.1.*Onget-order/s);
  const unrouted = await told("no route");
  assert.match(unrouted, /Status404.*The gateway itself.*No route matches the request\..*Onno route/s);
  // The story links to similar requests.
  const line = row(page, "Refused requests", "rate_limit: rate limited");
  await line.getByRole("button").click();
  await page.locator(".story").getByRole("link", { name: "rate_limited", exact: true }).click();
  assert.equal(await address(page), "#requests?reason=rate_limited");
  assert.equal(await page.getByRole("searchbox", { name: "Reason" }).or(page.getByRole("combobox", { name: "Reason" })).inputValue(), "rate_limited");
  await row(page, "Refused requests", "rate_limit: rate limited").waitFor();
  assert.equal(await row(page, "Refused requests", "key missing").count(), 0);
}

// A live tail, filtered by the page's address.
export async function tail(page) {
  const rows = page.getByRole("region", { name: "Live tail", exact: true }).locator("tbody tr");
  const column = (at) => rows.evaluateAll((all, place) => all.map((one) => one.children[place].textContent), at);
  await open(page, "Requests");
  assert.equal(await rows.count(), 0);
  await page.getByLabel("Status").selectOption("4xx");
  await page.getByRole("button", { name: "Follow live" }).click();
  await page.waitForFunction(() => document.querySelectorAll("#caption-live-tail").length === 1);
  await rows.nth(4).waitFor();
  assert.ok((await column(2)).every((status) => /^4\d\d$/.test(status)));
  assert.equal(await address(page), "#requests?status=4xx&tail=on");
  // A narrower filter while the tail is running.
  await page.getByLabel("Reason", { exact: true }).fill("key_missing");
  await page.getByLabel("Reason", { exact: true }).press("Enter");
  await page.waitForFunction(() => {
    const told = [...document.querySelector("#caption-live-tail").closest("section").querySelectorAll("tbody tr")];
    return told.length > 1 && told.every((one) => one.children[2].textContent === "401");
  });
  // The address restores the filters.
  await page.reload();
  await live(page);
  await rows.nth(1).waitFor();
  assert.equal(await page.getByLabel("Status").inputValue(), "4xx");
  await page.getByRole("button", { name: "Stop" }).click();
  assert.ok(await page.locator("#caption-live-tail").isHidden());
  assert.equal(await address(page), "#requests?status=4xx&reason=key_missing");
  // When no request matches, the page says what to do.
  await page.goto(page.url().replace(/#.*/, "#requests?consumer=nobody&tail=on"));
  await page.getByText("Waiting for a request that matches the filter.").waitFor();
  await page.getByText("No request that matches the filter has failed (5xx, or no answer) recently.").waitFor();
}

// Rows link to pages with charts, limits and requests; the addresses of these pages can be stored.
export async function pages(page) {
  await open(page, "Routes");
  await row(page, "Routes", "get-order").getByRole("link", { name: "get-order" }).click();
  await heading(page, "Route get-order");
  await hasLine(page, "--blue");
  await page.waitForFunction(() => document.querySelectorAll(".plot:has(canvas)").length === 3);
  assert.match(await page.locator("[aria-label='About the route']").innerText(),
    /^Methods\s+GET\s+Host\s+api\.example\.com\s+Path\s+\/v1\/orders\/\{id\}\s+Upstream\s+orders\s+Policies\s+key_auth, rate_limit/);
  await row(page, "Being limited", "mobile-app").waitFor();
  await row(page, "Policies", "rate_limit").waitFor();
  await row(page, "Requests of this route", "rate limited").waitFor();
  assert.equal(await row(page, "Requests of this route", "/v1/reports").count(), 0);
  await page.reload();
  await live(page);
  await heading(page, "Route get-order");
  assert.equal(await page.getByRole("navigation").getByRole("link", { name: "Routes", exact: true }).getAttribute("aria-current"), "page");
  // After a reload the page has the whole history, not only the data since the reload.
  await page.waitForFunction(() => {
    const { Dygraph } = globalThis;
    return Dygraph && document.querySelector(".plot canvas") !== null;
  });
  await page.locator("[aria-label='About the route']").getByRole("link", { name: "orders" }).click();
  await heading(page, "Upstream orders");
  await page.getByRole("region", { name: "Targets", exact: true }).locator("tbody th a").first().click();
  await page.getByRole("heading", { level: 1, name: /^Target 127\.0\.0\.1:\d+$/ }).waitFor();
  await hasLine(page, "--blue");
  await page.goBack();
  await heading(page, "Upstream orders");
  await open(page, "Consumers");
  assert.match(await row(page, "Consumers", "mobile-app").textContent(), /partners/);
  await row(page, "Consumers", "mobile-app").getByRole("link", { name: "mobile-app" }).click();
  await heading(page, "Consumer mobile-app");
  await hasLine(page, "--blue");
  await row(page, "Requests of this consumer", "rate limited").waitFor();
  // Without traffic the page says so, and draws no empty axes.
  await page.goto(page.url().replace(/#.*/, "#route/create-order"));
  await heading(page, "Route create-order");
  await page.getByText("No request in the last ten minutes.").waitFor();
  await page.goto(page.url().replace(/#.*/, "#route/nothing"));
  await page.getByText("The configuration in force has no route of this name.").waitFor();
}

// The address contains filters and sorting, so reloading and going back keep them.
export async function addresses(page) {
  await open(page, "Routes");
  await page.getByLabel("Filter routes").fill("order");
  await page.getByRole("region", { name: "Routes", exact: true }).getByRole("button", { name: "Route" }).click();
  assert.equal(await address(page), "#routes?routes.filter=order&routes.sort=name");
  const names = () => page.getByRole("region", { name: "Routes", exact: true }).locator("tbody th").allTextContents();
  await row(page, "Routes", "get-order").waitFor();
  assert.deepEqual(await names(), ["create-order", "get-order"]);
  await page.reload();
  await live(page);
  await row(page, "Routes", "get-order").waitFor();
  assert.deepEqual(await names(), ["create-order", "get-order"]);
  assert.equal(await page.getByLabel("Filter routes").inputValue(), "order");
  await row(page, "Routes", "get-order").getByRole("link", { name: "get-order" }).click();
  await heading(page, "Route get-order");
  await page.goBack();
  await row(page, "Routes", "get-order").waitFor();
  assert.deepEqual(await names(), ["create-order", "get-order"]);
  // The view's own address has no filters.
  await open(page, "Routes");
  await row(page, "Routes", "reports").waitFor();
}

// While the dashboard is paused nothing changes; afterwards the missed data is shown.
export async function pause(page) {
  const value = page.locator(".card-note").first();
  const changes = async () => {
    const before = await value.textContent();
    await page.waitForFunction((old) => document.querySelector(".card-note").textContent !== old, before);
  };
  await changes();
  const button = page.getByRole("button", { name: "Pause" });
  await button.click();
  const still = await value.textContent();
  await page.waitForTimeout(2500);  // the gateway sends data each second
  assert.equal(await value.textContent(), still);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForFunction((old) => document.querySelector(".card-note").textContent !== old, still);
  await changes();
}

// A change of the gateway is confirmed before, and reported afterwards.
export async function actions(page) {
  const dialog = page.getByRole("dialog");
  const act = async (button, verb, told) => {
    await page.getByRole("main").getByRole("button", { name: button, exact: true }).click();
    await dialog.getByRole("button", { name: verb, exact: true }).click();
    await page.locator(".notices").getByText(told).last().waitFor();
  };
  const state = page.locator("[aria-label='About the target'] .state");
  // An ejected target that still gets requests, because there is no other, is marked as such; it can be
  // resumed.
  await open(page, "Upstreams");
  await row(page, "Targets", "ejected: 3 requests in a row failed").getByRole("link").first().click();
  await state.filter({ hasText: /^ejected: 3 requests in a row failed, .* left; gets requests all the same, because no other target is available$/ }).waitFor();
  await act("Resume", "Resume", /gets requests again/);

  await open(page, "Upstreams");
  await row(page, "Targets", "orders").getByRole("link").first().click();
  await state.filter({ hasText: "up" }).waitFor();
  const main = page.getByRole("main");
  // Declining the confirmation changes nothing.
  await main.getByRole("button", { name: "Drain" }).click();
  await dialog.getByText("The target gets no new requests of orders").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await main.getByRole("button", { name: "Drain" }).click();
  await page.keyboard.press("Escape");
  assert.equal(await dialog.count(), 0);
  assert.equal(await state.textContent(), "up");
  await act("Drain", "Drain", /is drained\./);
  await state.filter({ hasText: "drained" }).waitFor();
  await act("Bring back", "Bring back", /gets requests again\./);
  await state.filter({ hasText: /^up$/ }).waitFor();

  await open(page, "Cache");
  await act("Purge", "Purge", /\d+ responses were purged\./);
  await open(page, "Configuration");
  await act("Reload", "Reload", /serving revision|[Rr]eloaded|unchanged/);
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
  assert.match(await answer.textContent(), /A route matches the request.*Path for the target\s*\/orders\/7/s);
  await line.fill("curl 'http://api.example.com/v1");
  await line.press("Control+Enter");
  await answer.getByText("a quote is not closed").waitFor();
}

export async function log_in(page) {
  await page.locator("#login").waitFor();
  await page.keyboard.press("Escape");  // the dialog stays open
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("The gateway does not know this token.").waitFor();
  await page.getByLabel("Token").fill(process.env.ADMIN_TOKEN);
  await page.getByRole("button", { name: "Log in" }).click();
  await live(page);
  const cookies = await page.context().cookies();
  assert.deepEqual(cookies.map((one) => [one.httpOnly, one.sameSite]), [[true, "Strict"]]);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.locator("#login").waitFor();
}

// A user with read access sees no actions.
export async function viewer(page) {
  await page.locator("#login").waitFor();
  await page.getByLabel("Token").fill(process.env.READ_TOKEN);
  await page.getByRole("button", { name: "Log in" }).click();
  await live(page);
  await page.getByRole("button", { name: "Log out viewer" }).waitFor();
  await open(page, "Cache");
  await page.getByRole("heading", { name: "Cached routes" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Purge" }).count(), 0);
  await open(page, "Configuration");
  assert.equal(await page.getByRole("button", { name: "Reload" }).count(), 0);
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
  await button.click();  // light, whatever the system's scheme is
  assert.equal(await back(), light);
  await hasLine(page, "--blue");
  await page.reload();
  assert.equal(await back(), light);
  await button.click();
  await page.emulateMedia({ colorScheme: "light" });
  assert.equal(await back(), dark);
}

// Accessibility: axe's rules, in both colour schemes.
export async function accessible(page, { axe }) {
  // The schemes differ only in their colours.
  for (const [colorScheme, options] of [["light", {}], ["dark", { runOnly: ["color-contrast"] }]]) {
    // Without animations: during a change of the background, contrasts are temporary.
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const view of VIEWS) {
      await open(page, view);
      await page.locator("main .panel").first().waitFor();
      assert.deepEqual(await axe(page, options), [], `${view}, ${colorScheme}`);
    }
    for (const place of PLACES) {
      await visit(page, place);
      assert.deepEqual(await axe(page, options), [], `${place}, ${colorScheme}`);
    }
  }
}

// A narrow window does not scroll sideways, and still has links to all views.
export async function narrow(page) {
  await page.setViewportSize({ width: 360, height: 780 });
  const fit = async (what) => {
    const [wider, header] = await page.evaluate(() => [document.documentElement.scrollWidth - document.documentElement.clientWidth,
      document.querySelector("header").getBoundingClientRect().height]);
    assert.equal(wider, 0, what);
    assert.ok(header <= 96, `the header takes ${header} pixels`);
  };
  for (const view of VIEWS) {
    await open(page, view);
    await page.locator("main .panel").first().waitFor();
    await fit(view);
  }
  for (const place of PLACES) {
    await visit(page, place);
    await fit(place);
  }
  // The charts fill the available width, also when it grows again.
  const fits = () => page.waitForFunction(() => [...document.querySelectorAll(".plot")].every((plot) =>
    [...plot.querySelectorAll("canvas")].every((canvas) => Math.abs(canvas.clientWidth - plot.clientWidth) < 2)));
  await open(page, "Overview");
  await fits();
  await page.setViewportSize({ width: 1000, height: 800 });
  await fits();
}

export async function reconnects(page, { command }) {
  const banner = page.getByRole("alert").filter({ hasText: "The gateway does not answer." });
  assert.equal(await banner.count(), 0);
  await command("stop");
  await banner.waitFor();
  await page.locator("#connection[data-state=lost]").waitFor();
  assert.match(await banner.textContent(), /The page shows the state of \d\d:\d\d:\d\d,/);
  assert.match(await page.evaluate(() => getComputedStyle(document.querySelector("main")).filter), /grayscale/);
  await command("start");
  await live(page);
  await banner.waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("main")).filter), "none");
}

// A page of another site cannot read or change anything, and cannot show the dashboard in a frame.
export async function other_sites(page, { base, command }) {
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
    return [await tell("/v1/now"), await tell("/v1/reload", { method: "POST" }), await tell("/v1/reload", { method: "POST", mode: "no-cors" })];
  }, base);
  assert.deepEqual(results.slice(0, 2), ["TypeError", "TypeError"]);
  await command("not_reloaded");
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
  for (const [view, colorScheme] of [["Overview", "light"], ["Overview", "dark"], ["Upstreams", "light"], ["Requests", "dark"], ["Configuration", "light"], ["Explain", "light"], ["Routes", "light"], ["Limits", "dark"], ["Route", "light"]]) {
    await page.emulateMedia({ colorScheme });
    if (view === "Route") await page.goto(page.url().replace(/#.*/, "#route/get-order"));
    else await open(page, view);
    if (view === "Explain") {
      await page.getByLabel("A curl line").fill("curl https://api.example.com/v1/orders/7 -H 'accept: application/json'");
      await page.getByRole("button", { name: "Explain" }).click();
      await page.getByText("refuses (401, key missing)").waitFor();
    }
    if (view === "Requests") {
      // While the dashboard is paused, the story stays in place.
      await page.goto(page.url().replace(/#.*/, "#requests?reason=rate_limited"));
      await page.getByRole("button", { name: "Pause" }).click();
      await row(page, "Refused requests", "rate_limit: rate limited").getByRole("button").click();
    }
    await page.mouse.move(0, 0);
    if (view === "Overview") await page.locator(".plot").first().hover({ position: { x: 330, y: 60 } });
    await page.waitForTimeout(1200);
    await page.screenshot({ path: `${folder}/dashboard-${view.toLowerCase()}-${colorScheme}.png` });
    if (view === "Requests") await page.getByRole("button", { name: "Continue" }).click();
  }
}
