// The views that are tables of the live data.
import { bytes, failureRatio, h, milliseconds, number, percent, rate, timeOfDay } from "./dom.js";
import { reason } from "./reasons.js";
import { Table } from "./table.js";

const column = (key, label, format, more = {}) => ({ key, label, value: (row) => row[key], format, ...more });
const figure = (key, label, format) => column(key, label, format, { number: true });
const meterColumns = [
  figure("rate", "Per second", rate),
  { key: "failing", label: "Failing", number: true, value: failureRatio,
    format: (value) => h("span", { class: value > 0.01 ? "bad" : null }, percent(value)) },
  figure("p50", "50%", milliseconds), figure("p90", "90%", milliseconds), figure("p99", "99%", milliseconds),
  figure("total", "Total", number)];

function view(title, tables, show) {
  return { element: h("div", {}, h("h1", { class: "visually-hidden" }, title), tables.map((one) => one.element)), show, attach() {}, detach() {} };
}

export function routes() {
  const table = new Table({ caption: "Routes", id: (row) => row.name, sort: { key: "rate", descending: true },
    empty: "No request yet.", columns: [column("name", "Route", (name) => name || "no route"), ...meterColumns] });
  const policies = new Table({ caption: "Policies", id: (row) => `${row.route} ${row.policy}`, sort: { key: "refused", descending: true },
    empty: "No policy has decided anything yet.", columns: [
      column("policy", "Policy"), column("route", "Route"), figure("continued", "Passed per second", rate),
      figure("answered", "Answered per second", rate), figure("refused", "Refused per second", rate),
      figure("total_refused", "Refused in all", number)] });
  return view("Routes", [table, policies], (live) => {
    table.update(live.routes);
    policies.update(live.policies);
  });
}

const STATES = { up: "good", down: "bad", ejected: "bad" };

function state(value, row) {
  const text = value === "named" ? "by name" : value;
  return h("span", { class: `state ${STATES[value] ?? ""}` }, row.why && value !== "up" ? `${text}: ${row.why}` : text);
}

export function upstreams() {
  const targets = new Table({ caption: "Targets", id: (row) => `${row.upstream} ${row.address}`, sort: { key: "upstream" },
    empty: "No upstream has a target.", columns: [
      column("address", "Target"), column("upstream", "Upstream"), column("state", "State", state), ...meterColumns,
      figure("ejections", "Ejections", number)] });
  const whole = new Table({ caption: "Upstreams", id: (row) => row.name, sort: { key: "rate", descending: true },
    empty: "No upstream has been asked yet.", columns: [
      column("name", "Upstream"), figure("available", "Available", (value, row) => `${value} of ${row.all}`),
      figure("rate", "Per second", rate),
      { key: "failing", label: "Failing", number: true, value: failureRatio, format: percent },
      figure("slowest", "99% of the slowest target", milliseconds), column("breakers", "Circuit breaker")] });
  const splits = new Table({ caption: "Branches", id: (row) => `${row.route} ${row.branch}`, filter: false,
    empty: "No route is divided.", columns: [
      column("branch", "Branch"), column("route", "Route"), column("upstream", "Upstream"), figure("weight", "Weight", number),
      column("rolled_back", "State", (value) => h("span", { class: `state ${value ? "bad" : "good"}` }, value ? "rolled back" : "serves")),
      figure("rollbacks", "Rollbacks", number)] });
  return view("Upstreams", [whole, targets, splits], (live) => {
    const rows = [];
    whole.update(live.upstreams.map((one) => {
      const its = (one.targets ?? []).map((target) => ({ ...target, upstream: one.name, ejections: target.ejections ?? 0 }));
      rows.push(...its);
      const addresses = its.filter((target) => target.state !== "named");
      const sum = (key) => its.reduce((all, target) => all + target[key], 0);
      return { name: one.name, all: addresses.length, available: addresses.filter((target) => target.state === "up").length,
        rate: sum("rate"), failures: sum("failures"), total_failures: sum("total_failures"),
        slowest: Math.max(-1, ...its.map((target) => target.p99)),
        breakers: (one.breakers ?? []).map((each) => `${each.load} ${each.in_use}/${each.limit}`).join(", ") };
    }));
    targets.update(rows);
    splits.update(live.splits);
  });
}

export function limits() {
  const who = new Table({ caption: "Being limited", id: (row) => `${row.route} ${row.who}`, sort: { key: "last_minute", descending: true },
    empty: "No client is being limited.", columns: [
      column("who", "Consumer or address"), column("route", "Route"), column("reason", "By", (value) => value.replaceAll("_", " ")),
      figure("last_minute", "In the last minute", (value) => number(Math.round(value))), figure("total", "Seen in all", number)] });
  const table = new Table({ caption: "Limits", id: (row) => row.name, sort: { key: "refused", descending: true },
    empty: "No limit has judged a request yet.", columns: [
      column("name", "Limit"), figure("allowed", "Allowed per second", rate), figure("refused", "Refused per second", rate),
      figure("would_refuse", "Would refuse", rate), figure("unavailable", "Could not ask", rate), figure("total_refused", "Refused in all", number)] });
  return view("Limits", [who, table], (live) => {
    who.update(live.limited);
    table.update(live.limits);
  });
}

function onDisk(disk) {
  if (!disk) return "";
  const lost = disk.lost ? ` ${number(disk.lost)} have been lost: see the metrics.` : "";
  return ` On disk, ${number(disk.entries)} bodies take ${bytes(disk.bytes)} of ${bytes(disk.limit)}; ` +
    `${number(disk.evictions)} have been given up.${lost}`;
}

export function cache() {
  const facts = h("p", { class: "facts" });
  const table = new Table({ caption: "Cached routes", id: (row) => row.route, sort: { key: "rate", descending: true },
    empty: "No route has a cache.", columns: [
      column("route", "Route", (name) => name || "every route"), figure("rate", "Per second", rate), figure("hit_ratio", "Hit ratio", percent),
      figure("hits", "From the cache", number), figure("misses", "From the upstream", number)] });
  const out = view("Cache", [table], (live) => {
    facts.textContent = `${number(live.cache.entries)} responses take ${bytes(live.cache.bytes)} of ${bytes(live.cache.limit)}; ` +
      `${number(live.cache.evictions)} have been given up for want of room.` + onDisk(live.cache.disk);
    table.update(live.cache.routes);
  });
  out.element.prepend(facts);
  return out;
}

// A request's whole story, as the log has it.
function story(row) {
  const micros = (value) => (value === undefined ? null : milliseconds(value / 1000));
  const steps = [
    [micros(0), `${row.client}${row.consumer ? ` (consumer ${row.consumer})` : ""} began ${row.method ?? "a request"} ${row.host ?? ""}${row.path ?? ""}`],
    row.request_head_us === undefined ? null : [micros(row.request_head_us), "its head had come"],
    row.route === undefined ? [null, "no route was chosen"] : [null, `route ${row.route}${row.branch ? `, branch ${row.branch}` : ""}`],
    row.upstream ? [null, `upstream ${row.upstream}: ${row.tries === 1 ? "one try" : `${row.tries ?? 0} tries`}${row.target ? `, the last at ${row.target}` : ""}`] : null,
    row.cache ? [null, `cache: ${row.cache}`] : null,
    row.response_head_us === undefined ? null : [micros(row.response_head_us), `the target had answered`],
    row.note ? [null, `note: ${row.note}`] : null,
    [micros(row.total_us), `${row.status ? `the client had ${row.status}` : "no answer was sent"}. ${reason(row.ended)}`]];
  const raw = h("details", {}, h("summary", {}, "As the log has it"), h("pre", {}, JSON.stringify(row, null, 2)));
  return h("div", { class: "story" },
    h("ol", {}, steps.filter(Boolean).map(([when, what]) => h("li", {}, h("span", { class: "when" }, when ?? ""), what))), raw);
}

const requestColumns = [
  { key: "request", label: "Request", value: (row) => `${row.method ?? "–"} ${row.host ?? ""}${row.path ?? ""}` },
  column("time", "At", timeOfDay), column("status", "Status", (value) => String(value || "none"), { number: true }),
  { key: "ended", label: "Ended", value: (row) => row.ended, format: (value) => value.replaceAll("_", " ") },
  { key: "total_us", label: "Took", number: true, value: (row) => row.total_us, format: (value) => milliseconds(value / 1000) },
  { key: "route", label: "Route", value: (row) => row.route ?? "" }, { key: "target", label: "Target", value: (row) => row.target ?? "" },
  { key: "who", label: "Client", value: (row) => row.consumer ?? row.client ?? "" }];

export function requests() {
  const failed = new Table({ caption: "Failing requests", id: (row) => row.request_id, sort: { key: "time", descending: true }, details: story,
    empty: "No request has failed of late.", columns: requestColumns });
  const slow = new Table({ caption: "Slowest requests", id: (row) => row.request_id, sort: { key: "total_us", descending: true }, details: story,
    empty: "No request yet.", columns: requestColumns });
  return view("Requests", [failed, slow], (live) => {
    failed.update(live.failed);
    slow.update(live.slow);
  });
}
