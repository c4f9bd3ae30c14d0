// The view of all consumers, and the page of one consumer.
import { link } from "./address.js";
import { currentConfig } from "./config_store.js";
import { h, number, rate } from "./dom.js";
import { limitedRows, limitedTable } from "./limits.js";
import { column, Facts, failingColumn, figure, meterPanel, NO_TRAFFIC, page } from "./panels.js";
import { Series } from "./series.js";
import { storiesAbout, storyTable } from "./story.js";
import { Table } from "./table.js";

export function consumers() {
  const table = new Table({ caption: "Consumers", id: (row) => row.name, sort: { key: "rate", descending: true }, href: (row) => link("consumer", [row.name]),
    empty: "The configuration has no consumers. List them below `consumers`, and let a policy such as key_auth determine the consumer of a request.", columns: [
      column("name", "Consumer"), column("groups", "Groups"), column("plan", "Plan"), figure("rate", "Per second", rate), failingColumn,
      figure("client_errors", "4xx per second", rate), figure("limited", "Limited in the last minute", (value) => number(Math.round(value))),
      figure("total", "Total", number)] });
  const beyond = h("p", { class: "hint" });
  function show(live) {
    const config = currentConfig();
    const meters = new Map(live.consumers.map((one) => [one.name, one]));
    const limited = new Map();
    for (const one of live.limited) limited.set(one.who, (limited.get(one.who) ?? 0) + one.last_minute);
    const row = (name, groups, plan) => ({ ...(meters.get(name) ?? NO_TRAFFIC), name, groups, plan, limited: limited.get(name) ?? 0 });
    const known = new Set(config.consumers.map((one) => one.name));
    table.update([...config.consumers.map((one) => row(one.name, one.groups.join(", "), one.plan)),
      ...live.consumers.filter((one) => !known.has(one.name)).map((one) => row(one.name, "", ""))]);
    beyond.textContent = live.consumers_left_out > 0 ? `${number(live.consumers_left_out)} more consumers have called, for which the gateway keeps no figures.` : "";
  }
  return page({ title: "Consumers", parts: [table, beyond], show });
}

export function consumer([name]) {
  const facts = new Facts("About the consumer");
  const meter = meterPanel({ latency: false });
  const limited = limitedTable("This consumer is not being limited.");
  const stories = storyTable("Requests of this consumer", "No request of this consumer has been refused, has failed or was slow recently.");
  const series = new Series(new URLSearchParams({ consumer: name }), () => meter.draw(series));
  const tail = h("p", {}, h("a", { href: link("requests", [], { consumer: name, tail: "on" }) }, "Follow the requests live"));
  function show(live) {
    const config = currentConfig();
    const its = config.consumers.find((one) => one.name === name);
    const told = live.consumers.find((one) => one.name === name);
    facts.update([
      ["Note", its ? null : "The configuration in force has no consumer of this name."],
      ["Groups", its && (its.groups.join(", ") || "none")], ["Plan", its && (its.plan || "none")]]);
    meter.show(told ?? NO_TRAFFIC);
    series.push(live.now[0], told);
    meter.draw(series);
    limited.update(limitedRows(live, config).filter((one) => one.who === name));
    stories.update(storiesAbout(live, (row) => row.consumer === name));
  }
  return page({ title: `Consumer ${name}`, visible: true, parts: [facts, ...meter.parts, limited, stories, tail], show });
}
