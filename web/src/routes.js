// The view of all routes, with and without traffic, and the page of one route.
import { link } from "./address.js";
import { currentConfig, pathOf, placeOf, placeOfPolicy, upstreamsOf } from "./config_store.js";
import { h, milliseconds, number, rate } from "./dom.js";
import { column, Facts, failingColumn, figure, joined, meterPanel, NO_TRAFFIC, page, routeLink, upstreamLink } from "./panels.js";
import { limitedRows, limitedTable, limitTable } from "./limits.js";
import { storiesAbout, storyTable } from "./story.js";
import { Series } from "./series.js";
import { Table } from "./table.js";

const policyColumns = [
  figure("continued", "Passed per second", rate), figure("answered", "Answered per second", rate),
  figure("refused", "Refused per second", rate), figure("total_refused", "Refused since the start", number)];

// All routes of the configuration, then routes of earlier configurations that have had requests.
function rowsOf(live, config) {
  const meters = new Map(live.routes.map((one) => [one.name, one]));
  const rows = config.routes.map((route) => {
    const meter = meters.get(route.name) ?? NO_TRAFFIC;
    meters.delete(route.name);
    return { ...meter, name: route.name, methods: route.methods.join(", ") || "any", host: placeOf(route), path: pathOf(route),
      upstreams: upstreamsOf(route) };
  });
  const rest = [...meters.values()].map((meter) => ({ ...meter, methods: "", host: "", path: "", upstreams: [] }));
  return [...rows, ...rest];
}

// A row for each series of the counters that policies have registered.
function countersOf(live) {
  return live.metrics.filter((metric) => metric.type === "counter").flatMap((metric) => metric.series.map((one) => ({
    metric: metric.name, help: metric.help, rate: one.rate, value: one.value,
    labels: Object.entries(one.labels).map(([name, value]) => `${name} ${value || "(none)"}`).join(", ") })));
}

export function routes() {
  const table = new Table({ caption: "Routes", id: (row) => row.name, sort: { key: "rate", descending: true },
    empty: "The configuration has no route, so the gateway forwards no request. Add a route to `routes`, and reload.", href: (row) => link("route", [row.name]), columns: [
      column("name", "Route", (name) => name || "no route"), column("methods", "Method"), column("host", "Host"), column("path", "Path"),
      { key: "upstreams", label: "Upstream", value: (row) => row.upstreams.join(", ") || "–", format: (text, row) => (row.upstreams.length > 0 ? joined(row.upstreams.map(upstreamLink)) : text) },
      figure("rate", "Per second", rate), failingColumn, figure("p50", "50%", milliseconds), figure("p99", "99%", milliseconds),
      figure("own", "Gateway", milliseconds), figure("waited", "Targets", milliseconds), figure("total", "Total", number)] });
  const policies = new Table({ caption: "Policies", id: (row) => `${row.route} ${row.policy}`, sort: { key: "refused", descending: true },
    empty: "No policy has decided about a request yet: send a request to a route that has policies.", columns: [
      column("policy", "Policy"), column("route", "Route", routeLink), ...policyColumns] });
  const counted = new Table({ caption: "Counted by policies", id: (row) => `${row.metric} ${row.labels}`, sort: { key: "rate", descending: true },
    empty: "No policy has counted anything yet.", columns: [
      column("metric", "Metric", (name, row) => h("span", { title: row.help }, name)), column("labels", "Of"), figure("rate", "Per second", rate), figure("value", "Since the start", number)] });
  function show(live) {
    table.update(rowsOf(live, currentConfig()));
    policies.update(live.policies);
    counted.update(countersOf(live));
  }
  return page({ title: "Routes", parts: [table, policies, counted], show });
}

export function route([name]) {
  const facts = new Facts("About the route");
  const meter = meterPanel({ time: true });
  const policies = new Table({ caption: "Policies", id: (row) => row.policy, sort: { key: "refused", descending: true }, filter: false,
    empty: "No policy of this route has decided about a request yet.", columns: [
      column("policy", "Policy"), { key: "place", label: "Where", value: (row) => placeOfPolicy(name, row.policy) }, ...policyColumns] });
  const limits = limitTable("No limit of this route has counted a request yet. Limits with a name of their own are on the page of all limits.");
  const limited = limitedTable("No client is being limited on this route.");
  const stories = storyTable("Requests of this route", "No request of this route has been refused, has failed or was slow recently.");
  const series = new Series(new URLSearchParams({ route: name }), () => meter.draw(series));
  const tail = h("p", {}, h("a", { href: link("requests", [], { route: name, tail: "on" }) }, "Follow the requests live"));
  function show(live) {
    const config = currentConfig();
    const its = config.routes.find((one) => one.name === name);
    const told = live.routes.find((one) => one.name === name);
    facts.update([
      ["Note", its || name === "" ? null : "The configuration in force has no route of this name."],
      ["About", name === "" ? "Requests that match no route." : null],
      ["Methods", its && (its.methods.join(", ") || "any")], ["Host", its && placeOf(its)], ["Path", its && pathOf(its)],
      ["Only with", its && [...its.headers, ...its.query.map((one) => `?${one}`)].join(", ")],
      ["Upstream", its && (upstreamsOf(its).length > 0 ? joined(upstreamsOf(its).map(upstreamLink)) : "none: a policy answers")],
      ["Policies", its && its.policies.map((one) => one.name).join(", ")],
      ["Written in", its && h("code", {}, its.place)]]);
    meter.show(told ?? NO_TRAFFIC);
    series.push(live.now[0], told);
    meter.draw(series);
    policies.update(live.policies.filter((one) => one.route === name));
    limits.update(live.limits.filter((one) => one.name === name));
    limited.update(limitedRows(live, config).filter((one) => one.route === name));
    stories.update(storiesAbout(live, (row) => (row.route ?? "") === name));
  }
  return page({ title: name ? `Route ${name}` : "Requests without a route", visible: true,
    parts: [facts, ...meter.parts, policies, limits, limited, stories, tail], show });
}
