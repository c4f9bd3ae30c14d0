// Lines over the last minutes, by uPlot. Each chart tells in words, too, what it shows.
import uPlot from "/assets/uplot.js";
import { h, setText, timeOfDay } from "./dom.js";

const charts = new Set();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// series: [{label, colour: "--blue", format, fill: true}]
export class Chart {
  constructor({ title, series, format, most }) {
    this.series = series;
    this.format = format;
    this.most = most;
    this.holder = h("div", { class: "plot", role: "img" });
    this.values = series.map(() => h("strong", {}, "–"));
    const legend = h("ul", { class: "legend" }, series.map((one, at) =>
      h("li", {}, h("span", { class: "swatch", "data-colour": one.colour }), one.label, " ", this.values[at])));
    this.title = title;
    this.element = h("figure", { class: "panel chart" },
      h("figcaption", {}, h("span", { class: "chart-title" }, title), legend), this.holder);
    for (const swatch of legend.querySelectorAll(".swatch")) swatch.style.background = `var(${swatch.dataset.colour})`;
    this.data = [[], ...series.map(() => [])];
    this.observer = new ResizeObserver(() => this.resize());
  }

  attach() {
    charts.add(this);
    this.observer.observe(this.holder);
    this.draw();
  }

  detach() {
    charts.delete(this);
    this.observer.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  resize() {
    const width = this.holder.clientWidth;
    if (this.plot && width > 0) this.plot.setSize({ width, height: 180 });
  }

  draw() {
    this.plot?.destroy();
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const span = (_, low, high) => [0, this.most ?? Math.max(high * 1.1, 0.001)];
    this.plot = new uPlot({
      width: Math.max(this.holder.clientWidth, 100), height: 180,
      legend: { show: false }, cursor: { y: false, points: { size: 6 } },
      scales: { x: { time: true }, y: { range: span } },
      axes: [{ ...axis, space: 80, size: 30, values: (_, ticks) => ticks.map((tick) => timeOfDay(tick * 1000)) }, { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => this.format(tick)) }],
      series: [{}, ...this.series.map((one) => ({
        label: one.label, stroke: colour(one.colour), width: 1.5, points: { show: false },
        fill: one.fill ? `${colour(one.colour)}22` : undefined, spanGaps: false,
      }))],
    }, this.data, this.holder);
  }

  // data: columns, the first of seconds since 1970; null where there is nothing.
  update(data) {
    this.data = data;
    this.plot?.setData(data);
    const last = data.slice(1).map((column) => column.at(-1));
    for (const [at, value] of last.entries()) setText(this.values[at], value === null || value === undefined ? "–" : this.format(value));
    this.holder.setAttribute("aria-label", `${this.title}: ` + this.series
      .map((one, at) => `${one.label} ${this.values[at].textContent}`).join(", "));
  }
}

// The colours are others now.
export function redrawCharts() {
  for (const chart of charts) chart.draw();
}
