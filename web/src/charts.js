// Lines over the last minutes, by dygraphs, which /assets/dygraph.js defines as a global. The values under the pointer are
// shown beside it, a drag zooms into a span of time, and a double click (or a button) shows everything again. Each chart
// also says in words what it shows, for screen readers.
import { h, setText, timeOfDay } from "./dom.js";

const { Dygraph } = globalThis;
const attached = new Set();

// The legend of dygraphs is replaced by the one of this file. The legend of dygraphs also writes a style attribute,
// which the content security policy of the page forbids.
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((one) => one !== Dygraph.Plugins.Legend);

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Escapes a text for dygraphs, which reads the labels of axes as HTML.
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

export class Chart {
  // series: [{label, colour: "--blue", fill: true}]; format writes a value; max is the top of the axis, which follows
  // the values by default; blank is the text that is shown while there is no value.
  constructor({ title, series, format, max, blank = "Nothing to show yet." }) {
    this.title = title;
    this.series = series;
    this.format = format;
    this.max = max;
    this.rows = []; // [Date, a value or null for each series], the oldest first
    this.plot = null; // the dygraphs object; null unless the chart is in the document and has rows
    this.pointer = null; // the horizontal place of the pointer, in pixels from the plot's left edge
    this.drag = null; // an AbortController that ends the present drag; null without a drag

    const swatch = (one) => {
      const element = h("span", { class: "swatch" });
      element.style.background = `var(${one.colour})`;
      return element;
    };
    this.values = series.map(() => h("strong", {}, "–"));
    this.all = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.showAll() }, "Show all");
    this.canvas = h("div", { class: "plot-canvas" });
    this.hairline = h("div", { class: "hairline", hidden: true });
    this.moment = h("li", { class: "moment" });
    this.pointed = series.map(() => h("strong", {}, "–"));
    this.readout = h("ul", { class: "readout", hidden: true }, this.moment,
      series.map((one, at) => h("li", {}, swatch(one), one.label, " ", this.pointed[at])));
    this.blank = h("p", { class: "blank", hidden: true }, blank);
    this.holder = h("div", { class: "plot", role: "img", "aria-label": title }, this.canvas, this.blank, this.hairline, this.readout);
    this.element = h("figure", { class: "panel chart" },
      h("figcaption", {},
        h("span", { class: "chart-title" }, title), this.all,
        h("ul", { class: "legend" }, series.map((one, at) => h("li", {}, swatch(one), one.label, " ", this.values[at])))),
      this.holder);
  }

  attach() {
    attached.add(this);
    this.draw();
  }

  detach() {
    attached.delete(this);
    this.drag?.abort();
    this.plot?.destroy();
    this.plot = null;
    this.all.hidden = true;
    this.leave();
  }

  // columns: the first column has seconds since 1970, and each series has one more column; null where there is no
  // value.
  update(columns) {
    const [times, ...values] = columns;
    this.rows = times.map((time, at) => [new Date(time * 1000), ...values.map((column) => column[at] ?? null)]);
    // The chart does not change during a drag, so that the selected span stays in place.
    if (!this.drag) this.draw();
    this.write(this.values, this.rows.at(-1));
    this.holder.setAttribute("aria-label", `${this.title}: ` + this.series
      .map((one, at) => `${one.label} ${this.values[at].textContent}`).join(", "));
  }

  draw() {
    if (!attached.has(this)) return;
    // Without a value the axes would have meaningless labels, so no chart is drawn.
    const blank = !this.rows.some(([, ...values]) => values.some((value) => value !== null));
    this.blank.hidden = !blank;
    this.canvas.classList.toggle("unseen", blank);
    if (blank) {
      this.leave();
      return;
    }
    const plot = this.plot;
    if (!plot) this.plot = new Dygraph(this.canvas, this.rows, { ...this.options(), ...this.colours() });
    // The zoomed span is older than the history.
    else if (plot.isZoomed("x") && plot.xAxisRange()[1] <= this.rows[0][0].getTime()) this.showAll();
    else plot.updateOptions({ file: this.rows, axes: this.axes() });
  }

  recolour() {
    this.plot?.updateOptions({ file: this.rows, ...this.colours() });
  }

  showAll() {
    this.plot?.updateOptions({ file: this.rows, dateWindow: null });
    this.all.hidden = true;
  }

  colours() {
    return { colors: this.series.map((one) => colour(one.colour)), gridLineColor: colour("--line"), axisLineColor: colour("--line") };
  }

  axes() {
    // A line at the very top of the plot would be hardly visible; null adds such a margin to what the values take. Where
    // all of them are 0, the axis has to have some length.
    const zero = !this.rows.some(([, ...values]) => values.some((value) => value > 0));
    const top = this.max ? this.max * 1.05 : zero ? 1 : null;
    return {
      x: { axisLabelWidth: 64, pixelsPerLabel: 84, axisLabelFormatter: (time) => timeOfDay(time) },
      y: { axisLabelWidth: 58, valueRange: [0, top], axisLabelFormatter: (value) => escaped(this.format(value)) },
    };
  }

  options() {
    const filled = (one) => ({ fillGraph: one.fill === true });
    return {
      labels: ["time", ...this.series.map((one) => one.label)],
      series: Object.fromEntries(this.series.map((one) => [one.label, filled(one)])),
      strokeWidth: 1.5, fillAlpha: 0.13, gridLineWidth: 1, axisLineWidth: 1, highlightCircleSize: 3.5, axisLabelFontSize: 12,
      resizable: "passive", // redraws when the size of its place changes
      axes: this.axes(),
      interactionModel: {
        mousedown: (event, plot, context) => this.select(event, plot, context),
        dblclick: (_, plot, context) => {
          if (!context.cancelNextDblclick) this.showAll();
        },
        willDestroyContextMyself: true, // otherwise dygraphs ends a drag before select() has seen the end
      },
      highlightCallback: (event) => {
        this.pointer = this.plot.eventToDomCoords(event)[0];
        this.point();
      },
      unhighlightCallback: () => this.leave(),
      zoomCallback: () => {
        this.all.hidden = false;
      },
      drawCallback: () => this.point(),
    };
  }

  // Zooms into the span of time that the pointer is dragged over. The axis of the values follows the values by itself.
  select(event, plot, context) {
    if (event.button !== 0) return;
    this.drag?.abort();
    const drag = new AbortController();
    this.drag = drag;
    drag.signal.addEventListener("abort", () => {
      this.drag = null;
      context.destroy();
    });
    context.initializeMouseDown(event, plot, context);
    Dygraph.startZoom(event, plot, context);
    let moved = false;
    document.addEventListener("mousemove", ({ pageX }) => {
      moved = true;
      Dygraph.moveZoom({ pageX, pageY: event.pageY }, plot, context);
    }, { signal: drag.signal });
    document.addEventListener("mouseup", (end) => {
      if (moved) Dygraph.endZoom(end, plot, context);
      drag.abort();
    }, { signal: drag.signal });
  }

  // The index of the row with a value that is nearest to the pointer; -1 when there is none.
  nearest() {
    const time = this.plot.toDataXCoord(this.pointer);
    let found = -1, least = Infinity;
    for (const [at, [moment, ...values]] of this.rows.entries()) {
      const distance = Math.abs(moment.getTime() - time);
      if (distance < least && values.some((value) => value !== null)) [found, least] = [at, distance];
    }
    return found;
  }

  // Shows the values under the pointer. Called again whenever the pointer or the rows have moved.
  point() {
    if (!this.plot || this.pointer === null) return;
    const at = this.nearest();
    if (at < 0) {
      this.leave();
      return;
    }
    const row = this.rows[at];
    this.plot.setSelection(at);
    setText(this.moment, timeOfDay(row[0]));
    this.write(this.pointed, row);
    this.hairline.hidden = this.readout.hidden = false;
    const area = this.plot.getArea();
    const left = Math.min(Math.max(this.plot.toDomXCoord(row[0].getTime()), area.x), area.x + area.w);
    this.hairline.style.left = `${left}px`;
    this.hairline.style.height = `${area.h}px`;
    // The values are shown on the side of the pointer that has more room.
    const width = this.holder.clientWidth;
    const right = left < width / 2;
    this.readout.style.left = right ? `${left + 10}px` : "auto";
    this.readout.style.right = right ? "auto" : `${width - left + 10}px`;
  }

  leave() {
    this.pointer = null;
    this.hairline.hidden = this.readout.hidden = true;
  }

  write(elements, row) {
    for (const [at, element] of elements.entries()) {
      const value = row?.[at + 1] ?? null;
      setText(element, value === null ? "–" : this.format(value));
    }
  }
}

// Redraws all charts. Must be called when the colours of the page have changed.
export function recolourCharts() {
  for (const chart of attached) chart.recolour();
}
