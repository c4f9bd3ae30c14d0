// The first view: the state of the gateway as a whole.
import { link } from "./address.js";
import { Chart } from "./charts.js";
import { bytes, duration, failureRatio, h, milliseconds, number, percent, rate, setText } from "./dom.js";
import { card, page } from "./panels.js";
import { stateText, targetsOf } from "./upstreams.js";

const orNull = (value) => (value < 0 ? null : value);

export function overview() {
  const cards = {
    rate: card("Requests per second"), failures: card("Failing"), latency: card("Latency, 99%"), own: card("Gateway's own time"),
    targets: card("Targets"), cache: card("Cache hits"), load: card("Busiest worker"),
  };
  const traffic = new Chart({ title: "Requests per second", format: rate, series: [
    { label: "all", colour: "--blue", fill: true }, { label: "4xx", colour: "--amber" }, { label: "failing", colour: "--red" }] });
  const latency = new Chart({ title: "Latency", format: milliseconds, series: [
    { label: "50%", colour: "--blue" }, { label: "99%", colour: "--violet" }] });
  const times = new Chart({ title: "Gateway and targets", format: milliseconds,
    blank: "Measured while the dashboard is open, for requests that a target answers.", series: [
      { label: "gateway", colour: "--green" }, { label: "targets", colour: "--blue" }] });
  const cache = new Chart({ title: "Cache hit ratio", format: percent, max: 1, blank: "No request has reached a cache.", series: [{ label: "hits", colour: "--green", fill: true }] });
  const attention = h("ul", { class: "attention" });
  const calm = h("p", { class: "empty" }, "Nothing needs attention.");
  const parts = [h("div", { class: "cards" }, Object.values(cards).map((one) => one.element)), [traffic, latency, times, cache],
    h("section", { class: "panel" }, h("div", { class: "panel-head" }, h("h2", {}, "Attention")), attention, calm)];

  function show(live, history) {
    const column = (at) => history.map((moment) => orNull(moment[at]));
    const moments = history.map((moment) => moment[0]);
    traffic.update([moments, column(1), column(2), column(3)]);
    latency.update([moments, column(4), column(5)]);
    cache.update([moments, column(6)]);
    times.update([moments, column(7), column(8)]);

    const { whole, runtime } = live;
    setText(cards.rate.value, rate(whole.rate));
    setText(cards.rate.note, `${number(whole.total)} since the start, ${duration(live.at / 1000 - runtime.started)} ago`);
    const ratio = failureRatio(whole);
    setText(cards.failures.value, percent(ratio));
    setText(cards.failures.note, `${rate(whole.failures)} per second; 4xx: ${rate(whole.client_errors)}`);
    cards.failures.element.classList.toggle("bad", ratio > 0.01);
    setText(cards.latency.value, milliseconds(whole.p99));
    setText(cards.latency.note, `half within ${milliseconds(whole.p50)}`);
    setText(cards.own.value, milliseconds(whole.own));
    setText(cards.own.note, `targets: ${milliseconds(whole.waited)}, on average`);
    const targets = live.upstreams.flatMap((one) => one.targets ?? []).filter((one) => one.state !== "named");
    const up = targets.filter((one) => one.state === "up").length;
    setText(cards.targets.value, `${up} of ${targets.length}`);
    setText(cards.targets.note, up === targets.length ? "all available" : "available");
    cards.targets.element.classList.toggle("bad", up < targets.length);
    setText(cards.cache.value, percent(live.cache.hit_ratio));
    setText(cards.cache.note, `${number(live.cache.entries)} responses, ${bytes(live.cache.bytes)}`);
    const busy = Math.max(0, ...runtime.busy);
    setText(cards.load.value, percent(busy));
    setText(cards.load.note, `lag ${milliseconds(runtime.lag)}; ${number(runtime.connections)} connections, ${bytes(runtime.memory)}`);
    cards.load.element.classList.toggle("bad", busy > 0.9);

    const notes = concerns(live);
    while (attention.children.length > notes.length) attention.lastChild.remove();
    while (attention.children.length < notes.length) attention.append(h("li", {}, h("a")));
    for (const [at, note] of notes.entries()) {
      const anchor = attention.children[at].firstChild;
      if (anchor.getAttribute("href") !== note.view) anchor.setAttribute("href", note.view);
      setText(anchor, note.text);
    }
    attention.hidden = notes.length === 0;
    calm.hidden = notes.length > 0;
  }
  return page({ title: "Overview", parts, show });
}

// The problems that an operator should look at, the worst first.
function concerns(live) {
  const out = [];
  const all = targetsOf(live);
  for (const upstream of live.upstreams) {
    const targets = all.filter((one) => one.upstream === upstream.name && one.state !== "named");
    const away = targets.filter((one) => one.state !== "up");
    if (targets.length > 0 && away.length === targets.length) out.push({ text: `Upstream ${upstream.name} has no target that is available.`, view: link("upstream", [upstream.name]) });
    for (const one of away) out.push({ text: `${upstream.name}: ${one.address} is ${stateText(one)}.`, view: link("target", [upstream.name, one.address]) });
    for (const breaker of upstream.breakers ?? []) {
      if (breaker.in_use >= breaker.limit) out.push({ text: `${upstream.name}: the circuit breaker's ${breaker.load} are at their limit of ${number(breaker.limit)}.`, view: link("upstream", [upstream.name]) });
    }
  }
  for (const route of live.routes) {
    const ratio = failureRatio(route);
    if (ratio > 0.05 && route.failures > 0.1) out.push({ text: `Route ${route.name || "(none)"}: ${percent(ratio)} of its requests fail.`, view: link("route", [route.name]) });
  }
  for (const split of live.splits) {
    if (split.rolled_back) out.push({ text: `Route ${split.route}: branch ${split.branch} has been rolled back.`, view: "#upstreams" });
  }
  for (const limit of live.limits) {
    if (limit.unavailable > 0.01) out.push({ text: `Limit ${limit.name}: its Redis server does not answer.`, view: "#limits" });
  }
  const doing = ["", "idle connections are closed", "no new connections are accepted", "requests are refused"][live.overload.level];
  if (doing) out.unshift({ text: `Overload: memory ${percent(live.overload.memory)}, descriptors ${percent(live.overload.descriptors)} of their limits; ${doing}.`, view: "#overview" });
  if (live.runtime.shed_rate > 0.01) out.unshift({ text: `${rate(live.runtime.shed_rate)} requests per second are refused: the gateway is overloaded.`, view: "#requests" });
  if (live.draining) out.push({ text: "The gateway is draining.", view: "#overview" });
  return out;
}
