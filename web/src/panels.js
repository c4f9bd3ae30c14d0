// The parts of views: columns, figures at the top, facts, and pages that are shown and hidden.
import { link } from "./address.js";
import { Chart } from "./charts.js";
import { failureRatio, h, milliseconds, number, percent, rate, setText } from "./dom.js";

export const column = (key, label, format, more = {}) => ({ key, label, value: (row) => row[key], format, ...more });
export const figure = (key, label, format) => column(key, label, format, { number: true });

export const failingColumn = { key: "failing", label: "Failing", number: true, value: failureRatio,
  format: (value) => h("span", { class: value > 0.01 ? "bad" : null }, percent(value)) };
export const meterColumns = [
  figure("rate", "Per second", rate), failingColumn,
  figure("p50", "50%", milliseconds), figure("p90", "90%", milliseconds), figure("p99", "99%", milliseconds),
  figure("total", "Total", number)];
// The meter of a row without requests.
export const NO_TRAFFIC = { rate: 0, failures: 0, client_errors: 0, total: 0, total_failures: 0, p50: -1, p90: -1, p99: -1, own: -1, waited: -1 };

export const routeLink = (name) => h("a", { href: link("route", [name]) }, name || "no route");
export const upstreamLink = (name) => h("a", { href: link("upstream", [name]) }, name);
export const targetLink = (upstream, address) => h("a", { href: link("target", [upstream, address]) }, address);
export const consumerLink = (name) => h("a", { href: link("consumer", [name]) }, name);

// An element with commas between its children.
export const joined = (nodes) => h("span", {}, nodes.flatMap((node, at) => (at > 0 ? [", ", node] : [node])));

export function card(label) {
  const value = h("strong", { class: "card-value" }, "–");
  const note = h("span", { class: "card-note" });
  return { element: h("div", { class: "card" }, h("span", { class: "card-label" }, label), value, note), value, note };
}

// A view with its title, its parts, and the function `show` for live data. The title is visible when `visible` is true.
// parts: elements, tables and charts, in order; the charts of a list stand side by side.
export function page({ title, visible = false, parts, show, attach = () => {}, detach = () => {} }) {
  const all = parts.flat();
  const charts = all.filter((one) => one instanceof Chart);
  const tables = all.filter((one) => typeof one.restore === "function");
  const element = h("div", {}, h("h1", { class: visible ? "page-title" : "visually-hidden" }, title),
    parts.map((part) => (Array.isArray(part) ? h("div", { class: "charts" }, part.map((one) => one.element)) : part.element ?? part)));
  return {
    element, show,
    attach() {
      tables.forEach((one) => one.restore());
      charts.forEach((one) => one.attach());
      attach();
    },
    detach() {
      charts.forEach((one) => one.detach());
      detach();
    },
  };
}

// A list of names and values, which are changed in place.
export class Facts {
  constructor(label) {
    this.list = h("dl", { class: "answer" });
    this.element = h("section", { class: "panel", "aria-label": label }, h("div", { class: "panel-body" }, this.list));
    this.values = new Map();
  }

  // entries: [name, value]; the value is a text or a Node, or null when the entry is hidden
  update(entries) {
    for (const [name, value] of entries) {
      let line = this.values.get(name);
      if (!line) {
        line = { term: h("dt", {}, name), value: h("dd") };
        this.values.set(name, line);
        this.list.append(line.term, line.value);
      }
      const gone = value === null || value === undefined || value === "";
      line.term.hidden = line.value.hidden = gone;
      if (gone) continue;
      if (value instanceof Node) {
        if (line.value.childNodes.length !== 1 || !line.value.firstChild.isEqualNode(value)) line.value.replaceChildren(value);
      } else {
        setText(line.value, value);
      }
    }
  }
}

// The figures and charts of one route, target or consumer.
export function meterPanel({ latency = true, time = false } = {}) {
  const cards = { rate: card("Requests per second"), failing: card("Failing"), ...(latency ? { latency: card("Latency, 99%") } : {}),
    ...(time ? { own: card("Gateway's own time") } : {}) };
  const traffic = new Chart({ title: "Requests per second", format: rate, blank: "No request in the last ten minutes.", series: [
    { label: "all", colour: "--blue", fill: true }, { label: "4xx", colour: "--amber" }, { label: "failing", colour: "--red" }] });
  const latencies = new Chart({ title: "Latency", format: milliseconds, blank: "No response in the last ten minutes.", series: [
    { label: "50%", colour: "--blue" }, { label: "99%", colour: "--violet" }] });
  const times = new Chart({ title: "Gateway and targets", format: milliseconds,
    blank: "Measured while the dashboard is open, for requests that a target answers.", series: [
      { label: "gateway", colour: "--green" }, { label: "targets", colour: "--blue" }] });
  return {
    parts: [h("div", { class: "cards" }, Object.values(cards).map((one) => one.element)),
      [traffic, ...(latency ? [latencies] : []), ...(time ? [times] : [])]],
    draw(series) {
      traffic.update(series.columns(1, 2, 3));
      if (latency) latencies.update(series.columns(4, 5));
      if (time) times.update(series.columns(6, 7));
    },
    show(meter) {
      const ratio = failureRatio(meter);
      setText(cards.rate.value, rate(meter.rate));
      setText(cards.rate.note, `${number(meter.total)} since the start`);
      setText(cards.failing.value, percent(ratio));
      setText(cards.failing.note, `${rate(meter.failures)} per second; 4xx: ${rate(meter.client_errors)}`);
      cards.failing.element.classList.toggle("bad", ratio > 0.01);
      if (latency) {
        setText(cards.latency.value, milliseconds(meter.p99));
        setText(cards.latency.note, `half within ${milliseconds(meter.p50)}`);
      }
      if (time) {
        setText(cards.own.value, milliseconds(meter.own));
        setText(cards.own.note, `targets: ${milliseconds(meter.waited)}, on average`);
      }
    },
  };
}
