// The view of upstreams and their targets, the page of an upstream, and the page of a target.
import { drainTarget, resumeBranch, resumeTarget, undrainTarget } from "./actions.js";
import { link } from "./address.js";
import { currentConfig, upstreamsOf } from "./config_store.js";
import { duration, failureRatio, h, milliseconds, number, percent, rate } from "./dom.js";
import { column, Facts, figure, joined, meterColumns, meterPanel, NO_TRAFFIC, page, routeLink, upstreamLink } from "./panels.js";
import { Series } from "./series.js";
import { storiesAbout, storyTable } from "./story.js";
import { Table } from "./table.js";

const STATES = { up: "good", down: "bad", ejected: "bad", drained: "" };

// A text about the state of a target: the state, its reason and duration, and whether the target gets requests all the
// same.
export function stateText(row) {
  if (row.state === "named") return "by name";
  const why = row.why && row.state !== "up" ? `: ${row.why}` : "";
  const left = row.state === "ejected" ? `, ${duration(Math.ceil(row.ejected_for))} left` : "";
  return row.state + why + left + (row.used ? "; gets requests all the same, because no other target is available" : "");
}

const state = (value, row) => h("span", { class: `state ${STATES[value] ?? ""}` }, stateText(row));

// The targets of all upstreams. When no target of an upstream is available, requests are sent to all that are not
// drained.
export function targetsOf(live) {
  return live.upstreams.flatMap((upstream) => {
    const its = upstream.targets ?? [];
    const addresses = its.filter((one) => one.state !== "named");
    const available = addresses.filter((one) => one.state === "up").length;
    return its.map((target) => ({ ejections: 0, ...target, upstream: upstream.name, others: available - (target.state === "up" ? 1 : 0),
      used: available === 0 && (target.state === "down" || target.state === "ejected") }));
  });
}

const breakersOf = (upstream) => (upstream?.breakers ?? []).map((each) => `${each.load} ${each.in_use}/${each.limit}`).join(", ");

function rowOf(upstream, live) {
  const its = targetsOf(live).filter((one) => one.upstream === upstream.name);
  const addresses = its.filter((one) => one.state !== "named");
  const sum = (key) => its.reduce((all, target) => all + target[key], 0);
  return { name: upstream.name, all: addresses.length, available: addresses.filter((one) => one.state === "up").length,
    rate: sum("rate"), failures: sum("failures"), total_failures: sum("total_failures"), total: sum("total"), client_errors: sum("client_errors"),
    p50: -1, p99: Math.max(-1, ...its.map((target) => target.p99)),
    breakers: breakersOf(upstream) };
}

function targetTable(empty) {
  return new Table({ caption: "Targets", id: (row) => `${row.upstream} ${row.address}`, sort: { key: "upstream" },
    empty, href: (row) => link("target", [row.upstream, row.address]), columns: [
      column("address", "Target"), column("upstream", "Upstream", upstreamLink), column("state", "State", state), ...meterColumns,
      figure("ejections", "Ejections", number)] });
}

function branchTable() {
  return new Table({ caption: "Branches", id: (row) => `${row.route} ${row.branch}`, filter: false,
    empty: "No route has a `split`, which gives a share of the requests to another upstream.", columns: [
      column("branch", "Branch"), column("route", "Route", routeLink), column("upstream", "Upstream", upstreamLink), figure("weight", "Weight", number),
      column("rolled_back", "State", (value) => h("span", { class: `state ${value ? "bad" : "good"}` }, value ? "rolled back" : "serves")),
      figure("rollbacks", "Rollbacks", number),
      { key: "act", label: "Action", value: () => "", format: (_, row) => (row.rolled_back ? resumeBranch(row.route, row.branch) : "") }] });
}

export function upstreams() {
  const targets = targetTable("No upstream has a target yet.");
  const whole = new Table({ caption: "Upstreams", id: (row) => row.name, sort: { key: "rate", descending: true }, href: (row) => link("upstream", [row.name]),
    empty: "The configuration has no upstream. Add the addresses of your services to `upstreams`.", columns: [
      column("name", "Upstream"), figure("available", "Available", (value, row) => `${value} of ${row.all}`),
      figure("rate", "Per second", rate),
      { key: "failing", label: "Failing", number: true, value: failureRatio, format: percent },
      figure("p99", "99% latency of the slowest target", milliseconds), column("breakers", "Circuit breaker")] });
  const splits = branchTable();
  return page({ title: "Upstreams", parts: [whole, targets, splits], show(live) {
    whole.update(live.upstreams.map((one) => rowOf(one, live)));
    targets.update(targetsOf(live));
    splits.update(live.splits);
  } });
}

export function upstream([name]) {
  const facts = new Facts("About the upstream");
  const targets = targetTable("This upstream has no target at present.");
  const stories = storyTable("Requests of this upstream", "No request to this upstream has been refused, has failed or was slow recently.");
  function show(live) {
    const config = currentConfig();
    const its = config.upstreams.find((one) => one.name === name);
    const told = live.upstreams.find((one) => one.name === name) ?? { name };
    const row = rowOf(told, live);
    facts.update([
      ["Note", its ? null : "The configuration in force has no upstream of this name."],
      ["Available", `${row.available} of ${row.all}`],
      ["Requests", `${rate(row.rate)} per second, ${percent(failureRatio(row))} failing`],
      ["Balance", its?.balance], ["Protocol", its && its.protocol + (its.tls ? ", TLS" : "")], ["Targets from", its?.discover],
      ["Routes", its && joined(config.routes.filter((one) => upstreamsOf(one).includes(name)).map((one) => routeLink(one.name)))],
      ["Circuit breaker", row.breakers], ["Written in", its && h("code", {}, its.place)]]);
    targets.update(targetsOf(live).filter((one) => one.upstream === name));
    stories.update(storiesAbout(live, (one) => one.upstream === name));
  }
  return page({ title: `Upstream ${name}`, visible: true, parts: [facts, targets, stories], show });
}

export function target([upstreamName, address]) {
  const facts = new Facts("About the target");
  const meter = meterPanel();
  const stories = storyTable("Requests to this target", "No request to this target has been refused, has failed or was slow recently.");
  const series = new Series(new URLSearchParams({ upstream: upstreamName, target: address }), () => meter.draw(series));
  let others = 0;
  const buttons = { ejected: resumeTarget(upstreamName, address), drained: undrainTarget(upstreamName, address),
    drain: drainTarget(upstreamName, address, () => others) };
  const actions = h("p", { class: "buttons" }, Object.values(buttons));
  const tail = h("p", {}, h("a", { href: link("requests", [], { upstream: upstreamName, target: address, tail: "on" }) }, "Follow the requests live"));
  function show(live) {
    const told = targetsOf(live).find((one) => one.upstream === upstreamName && one.address === address);
    others = told?.others ?? 0;
    const real = told !== undefined && told.state !== "named";
    buttons.ejected.hidden = told?.state !== "ejected";
    buttons.drained.hidden = told?.state !== "drained";
    buttons.drain.hidden = !real || told.state === "drained";
    facts.update([
      ["Note", told ? null : "The upstream does not have this target at present."],
      ["Upstream", upstreamLink(upstreamName)], ["State", told && state(told.state, told)],
      ["Circuit breaker", breakersOf(live.upstreams.find((one) => one.name === upstreamName))],
      ["Ejections", real ? number(told.ejections) : null],
      ["Health checks", real && told.checks_passed + told.checks_failed > 0 ? `${number(told.checks_passed)} passed, ${number(told.checks_failed)} failed` : null]]);
    meter.show(told ?? NO_TRAFFIC);
    series.push(live.now[0], told);
    meter.draw(series);
    stories.update(storiesAbout(live, (row) => row.upstream === upstreamName && row.target === address));
  }
  return page({ title: `Target ${address}`, visible: true, parts: [facts, actions, ...meter.parts, stories, tail], show });
}
