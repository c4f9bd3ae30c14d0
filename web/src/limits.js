// Tables of the callers that are limited, and of the limits.
import { link } from "./address.js";
import { currentConfig } from "./config_store.js";
import { h, number, rate } from "./dom.js";
import { column, figure, page, routeLink } from "./panels.js";
import { Table } from "./table.js";

// The callers that are limited, each with a link: to the page of the consumer, or to the requests of the address.
export function limitedRows(live, config) {
  const consumers = new Set(config.consumers.map((one) => one.name));
  return live.limited.map((one) => ({ ...one, href: consumers.has(one.who) ? link("consumer", [one.who]) : link("requests", [], { client: one.who }) }));
}

export function limitedTable(empty) {
  return new Table({ caption: "Being limited", id: (row) => `${row.route} ${row.who}`, sort: { key: "last_minute", descending: true },
    empty, href: (row) => row.href, columns: [
      column("who", "Consumer or address"), column("route", "Route", routeLink),
      column("reason", "By", (value, row) => h("a", { href: link("requests", [], { reason: row.reason }) }, value.replaceAll("_", " "))),
      figure("last_minute", "In the last minute", (value) => number(Math.round(value))), figure("total", "Total since the start", number)] });
}

// A limit without a name of its own has the name of its route.
export function limitTable(empty) {
  return new Table({ caption: "Limits", id: (row) => row.name, sort: { key: "refused", descending: true }, empty, columns: [
    column("name", "Limit"), figure("allowed", "Allowed per second", rate), figure("refused", "Refused per second", rate),
    figure("would_refuse", "Would refuse", rate), figure("unavailable", "No answer from Redis", rate), figure("total_refused", "Refused since the start", number)] });
}

export function limits() {
  const who = limitedTable("No client is being limited.");
  const table = limitTable("No limit has counted a request yet. Limits are the policies rate_limit, quota, usage_plan and concurrency_limit.");
  function show(live) {
    who.update(limitedRows(live, currentConfig()));
    table.update(live.limits);
  }
  return page({ title: "Limits", parts: [who, table], show });
}
