// The latest minutes of one route, target or consumer: first the history that the gateway keeps, then the live data of
// each second.
import { get } from "./session.js";

const MAX_POINTS = 600;

export class Series {
  // `query` names the route, target or consumer, as in "route=orders".
  constructor(query, redraw) {
    this.query = query;
    this.redraw = redraw;
    this.points = []; // [seconds since 1970, rate, 4xx, failures, 50%, 99%, own, waited]
    this.last = 0;
    this.asking = false;
  }

  // `meter` is its meter in the live data, or undefined when the live data do not contain it.
  push(at, meter) {
    // The history is loaded at first and after a gap.
    if (at - this.last > 3) this.load();
    if (at <= this.last) return;
    this.last = at;
    this.points.push(meter
      ? [at, meter.rate, meter.client_errors, meter.failures, meter.p50, meter.p99, meter.own, meter.waited]
      : [at, -1, -1, -1, -1, -1, -1, -1]); // no request yet
    if (this.points.length > MAX_POINTS) this.points.shift();
  }

  async load() {
    if (this.asking) return;
    this.asking = true;
    try {
      const told = await get(`/v1/series?${this.query}`);
      const until = told.at(-1)?.[0] ?? 0;
      this.points = [...told, ...this.points.filter(([at]) => at > until)].slice(-MAX_POINTS);
      this.redraw();
    } catch {
      // The history is loaded again after the next gap; live data are shown meanwhile.
    } finally {
      this.asking = false;
    }
  }

  // The columns for a chart: the times, then a column for each of these places in a point; null where there is no
  // value.
  columns(...places) {
    return [this.points.map(([at]) => at), ...places.map((place) => this.points.map((point) => (point[place] < 0 ? null : point[place])))];
  }
}
