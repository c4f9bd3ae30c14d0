// The details of a request: what ended it and why, its caller and route, and the times of its phases.
import { link } from "./address.js";
import { placeOfPolicy } from "./config_store.js";
import { h, milliseconds, timeOfDay } from "./dom.js";
import { column, consumerLink, routeLink, targetLink, upstreamLink } from "./panels.js";
import { reason } from "./reasons.js";
import { Table } from "./table.js";

const micros = (value) => (value === undefined ? null : milliseconds(value / 1000));

// The part that decided the response: a policy, the gateway, or a target.
function deciderOf(row) {
  if (row.policy) {
    const place = placeOfPolicy(row.route ?? "", row.policy);
    const verb = row.status >= 400 || !row.status ? "refused the request" : "answered the request";
    return h("span", {}, h("strong", {}, `Policy ${row.policy}`), ` ${verb}`, place ? [" (", h("code", {}, place), ")"] : null);
  }
  if (row.response_head_us !== undefined || (row.ended === "complete" && row.target))
    return h("span", {}, h("strong", {}, `Target ${row.target}`), ` answered ${row.status || "nothing"}`);
  if (row.tries > 0) return h("span", {}, h("strong", {}, "The gateway"), ": no target answered");
  return h("span", {}, h("strong", {}, "The gateway"), " itself: the answer comes neither from a policy nor from a target");
}

function facts(row) {
  const own = row.targets_us === undefined || row.response_head_us === undefined || row.request_head_us === undefined ? null
    : Math.max(0, row.response_head_us - row.request_head_us - row.targets_us);
  const entries = [
    ["Status", String(row.status || "none was sent")],
    ["Decided by", deciderOf(row)],
    ["Reason", h("span", {}, reason(row.ended), " ", h("a", { href: link("requests", [], { reason: row.ended }) }, row.ended))],
    ["For", row.consumer ? h("span", {}, consumerLink(row.consumer), row.credential ? ` (${row.credential})` : "", ` from ${row.client}`)
      : h("span", {}, "no consumer, from the address ", h("a", { href: link("requests", [], { client: row.client }) }, row.client))],
    ["On", row.route || row.status ? routeLink(row.route ?? "") : null],
    ["Target", row.target ? targetLink(row.upstream, row.target) : null],
    ["Time", own === null ? null : `gateway ${micros(own)}, targets ${micros(row.targets_us)}`],
    ["Request", h("a", { href: link("requests", [], { request_id: row.request_id }) }, row.request_id)]];
  return h("dl", { class: "answer" }, entries.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export function story(row) {
  const steps = [
    [micros(0), `${row.client}${row.consumer ? ` (consumer ${row.consumer})` : ""} began ${row.method ?? "a request"} ${row.host ?? ""}${row.path ?? ""}`],
    row.request_head_us === undefined ? null : [micros(row.request_head_us), "the head of the request had come"],
    row.route ? [null, `route ${row.route}${row.branch ? `, branch ${row.branch}` : ""}`] : [null, "no route was chosen"],
    row.policy ? [null, `policy ${row.policy} ${row.status >= 400 || !row.status ? "refused the request" : "answered the request"}`] : null,
    row.upstream ? [null, h("span", {}, "upstream ", upstreamLink(row.upstream), `: ${row.tries === 1 ? "one try" : `${row.tries ?? 0} tries`}${row.target ? `, the last at ${row.target}` : ""}`)] : null,
    row.cache ? [null, `cache: ${row.cache}`] : null,
    row.response_head_us === undefined ? null : [micros(row.response_head_us), "the target had answered"],
    row.note ? [null, `note: ${row.note}`] : null,
    [micros(row.total_us), `${row.status ? `the client got ${row.status}` : "no answer was sent"}. ${reason(row.ended)}`]];
  return h("div", { class: "story" }, facts(row),
    h("ol", {}, steps.filter(Boolean).map(([when, what]) => h("li", {}, h("span", { class: "when" }, when ?? ""), what))),
    h("details", {}, h("summary", {}, "The line of the access log"), h("pre", {}, JSON.stringify(row, null, 2))));
}

const requestColumns = [
  { key: "request", label: "Request", value: (row) => `${row.method ?? "–"} ${row.host ?? ""}${row.path ?? ""}` },
  column("time", "At", timeOfDay), column("status", "Status", (value) => String(value || "none"), { number: true }),
  { key: "ended", label: "Why", value: (row) => row.ended, format: (value, row) => (row.policy ? `${row.policy}: ` : "") + value.replaceAll("_", " ") },
  { key: "total_us", label: "Took", number: true, value: (row) => row.total_us, format: (value) => milliseconds(value / 1000) },
  { key: "route", label: "Route", value: (row) => row.route ?? "", format: (value) => routeLink(value) },
  { key: "target", label: "Target", value: (row) => row.target ?? "", format: (value, row) => (value ? targetLink(row.upstream, value) : "–") },
  { key: "who", label: "For", value: (row) => row.consumer ?? row.client ?? "", format: (value, row) => (row.consumer ? consumerLink(row.consumer) : value) }];

export function storyTable(caption, empty, sort = { key: "time", descending: true }) {
  return new Table({ caption, id: (row) => row.request_id, sort, details: story, empty, columns: requestColumns });
}

// The requests in live data for which `fits` is true, each once.
export function storiesAbout(live, fits) {
  const found = new Map();
  for (const row of [...live.refused, ...live.failed, ...live.slow]) {
    if (fits(row)) found.set(row.request_id, row);
  }
  return [...found.values()];
}
