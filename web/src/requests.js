// The view of single requests: requests that were refused, failed or were slow, and a live tail of all requests. One
// filter, which is a part of the address, applies to both.
import { here, link, remember } from "./address.js";
import { currentConfig } from "./config_store.js";
import { h, number, setText } from "./dom.js";
import { page } from "./panels.js";
import { REASONS } from "./reasons.js";
import { storyTable } from "./story.js";
import { paused } from "./pause.js";

const STATUSES = [["", "any"], ["2xx", "2xx"], ["3xx", "3xx"], ["4xx", "4xx: refused"], ["5xx", "5xx: failed"], ["none", "no answer"],
  ["401", "401"], ["403", "403"], ["404", "404"], ["429", "429"], ["502", "502"], ["503", "503"], ["504", "504"]];
const TEXTS = [["route", "Route"], ["consumer", "Consumer"], ["client", "Client's address"], ["reason", "Reason"], ["policy", "Policy"],
  ["path", "Part of the path"], ["request_id", "Request id"]];
const OTHERS = ["upstream", "target"]; // further filters, which links of other pages put into the address
const KEYS = ["status", ...TEXTS.map(([key]) => key), ...OTHERS];
const MAX_TAIL = 300; // max number of rows

// Matches a status as the gateway does: `status` has classes, single statuses, or nothing.
function fitsStatus(wanted, status) {
  const told = status ? String(status) : "none";
  return wanted.split(",").some((one) => one === told || (one.endsWith("xx") && told.length === 3 && one[0] === told[0]));
}

function fits(row, filter) {
  for (const [key, wanted] of Object.entries(filter)) {
    if (key === "status" ? !fitsStatus(wanted, row.status)
      : key === "path" ? !(row.path ?? "").includes(wanted)
      : String(row[key === "reason" ? "ended" : key] ?? "") !== wanted) return false;
  }
  return true;
}

export function requests() {
  const status = h("select", { id: "filter-status", onchange: () => change() }, STATUSES.map(([value, label]) => h("option", { value }, label)));
  const inputs = new Map(TEXTS.map(([key]) => [key, h("input", { id: `filter-${key}`, type: "search", list: `known-${key}`, placeholder: "any",
    spellcheck: "false", autocomplete: "off", onchange: () => change() })]));
  const known = new Map(["route", "consumer", "reason", "policy"].map((key) => [key, h("datalist", { id: `known-${key}` })]));
  const others = h("p", { class: "hint", hidden: true });
  const clear = h("a", { href: link("requests") }, "Clear the filter");
  const follow = h("button", { type: "button", class: "primary", "aria-pressed": "false", onclick: () => {
    remember({ tail: source ? null : "on" });
    restart();
  } }, "Follow live");
  const tailState = h("p", { class: "facts", role: "status" });
  const form = h("section", { class: "panel", "aria-label": "Which requests" },
    h("div", { class: "panel-head" }, h("h2", {}, "Which requests"), clear, follow),
    h("div", { class: "panel-body filters" },
      h("div", {}, h("label", { for: "filter-status" }, "Status"), status),
      TEXTS.map(([key, label]) => h("div", {}, h("label", { for: `filter-${key}` }, label), inputs.get(key))), [...known.values()]), others, tailState);

  const tail = storyTable("Live tail", "Waiting for a request that matches the filter.");
  const refused = storyTable("Refused requests", "No request that matches the filter has been refused (4xx) recently.");
  const failed = storyTable("Failing requests", "No request that matches the filter has failed (5xx, or no answer) recently.");
  const slow = storyTable("Slowest requests", "No request that matches the filter was slow recently.", { key: "total_us", descending: true });
  let filter = {}, source = null, rows = [], leftOut = 0, latest = null;

  function show(live) {
    latest = live;
    refused.update(live.refused.filter((row) => fits(row, filter)));
    failed.update(live.failed.filter((row) => fits(row, filter)));
    slow.update(live.slow.filter((row) => fits(row, filter)));
    const config = currentConfig();
    const offers = { route: config.routes.map((one) => one.name), consumer: config.consumers.map((one) => one.name), reason: Object.keys(REASONS),
      policy: [...new Set(live.policies.map((one) => one.policy))] };
    for (const [key, list] of known) {
      if (list.children.length !== Math.min(offers[key].length, 200)) list.replaceChildren(...offers[key].slice(0, 200).map((value) => h("option", { value })));
    }
  }

  // Reads the filter from the address.
  function read() {
    const { query } = here();
    filter = Object.fromEntries(KEYS.map((key) => [key, query.get(key)]).filter(([, value]) => value));
    const wanted = filter.status ?? "";
    if (![...status.options].some((one) => one.value === wanted)) status.append(h("option", { value: wanted }, wanted));
    status.value = wanted;
    for (const [key, input] of inputs) input.value = filter[key] ?? "";
    const more = OTHERS.filter((key) => filter[key]).map((key) => `${key} ${filter[key]}`);
    setText(others, more.length > 0 ? `Only of ${more.join(", ")}.` : "");
    others.hidden = more.length === 0;
    clear.hidden = Object.keys(filter).length === 0;
  }

  function change() {
    remember({ status: status.value, ...Object.fromEntries([...inputs].map(([key, input]) => [key, input.value.trim()])) });
    read();
    if (latest) show(latest);
    if (source) restart();
  }

  function tell() {
    setText(tailState, !source ? "" : `Live: ${number(rows.length)} ${rows.length === 1 ? "request" : "requests"} that match the filter${paused() ? ", paused" : ""}.` +
      (leftOut > 0 ? ` ${number(leftOut)} more came faster than can be shown: narrow the filter.` : ""));
  }

  function stop() {
    source?.close();
    source = null;
    follow.setAttribute("aria-pressed", "false");
    setText(follow, "Follow live");
    tail.element.hidden = true;
    setText(tailState, "");
  }

  function restart() {
    stop();
    if (here().query.get("tail") !== "on") return;
    rows = [];
    leftOut = 0;
    source = new EventSource(`/v1/tail?${new URLSearchParams(filter)}`);
    follow.setAttribute("aria-pressed", "true");
    setText(follow, "Stop");
    tail.element.hidden = false;
    tail.update(rows);
    tell();
    source.addEventListener("requests", (event) => {
      const told = JSON.parse(event.data);
      leftOut += told.left_out;
      rows = [...rows, ...told.requests].slice(-MAX_TAIL);
      if (!paused()) tail.update(rows);
      tell();
    });
    source.addEventListener("error", async () => {
      if (source?.readyState !== EventSource.CLOSED) return; // the event source connects again by itself
      const query = new URLSearchParams(filter);
      stop();
      const response = await fetch(`/v1/tail?${query}`, { method: "HEAD" }).catch(() => null);
      setText(tailState, response?.status === 503 ? "The max number of live tails is open already: close one of them, then follow again."
        : response?.status === 400 ? "The gateway cannot read this filter: check the status." : "The live tail has ended: start it again when the gateway answers.");
    });
  }
  stop();
  return page({ title: "Requests", parts: [form, tail, refused, failed, slow], show, detach: stop, attach() {
    read();
    restart();
  } });
}
