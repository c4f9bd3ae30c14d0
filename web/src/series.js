// How one route, target or consumer did in the last minutes: the gateway's memory of it, then what it says each second.
import { get } from "./session.js";

const MAX_POINTS = 600;

export class Series {
  // `query` names it: "route=orders".
  constructor(query, redraw) {
    this.query = query;
    this.redraw = redraw;
    this.points = []; // [seconds since 1970, rate, 4xx, failures, 50%, 99%, own, waited]
    this.last = 0;
    this.asking = false;
  }

  // `meter`: of live data, or undefined when nothing is said of it.
  push(at, meter) {
    // At first, and after a gap, the gateway knows what was meanwhile.
    if (at - this.last > 3) this.load();
    if (at <= this.last) return;
    this.last = at;
    this.points.push(meter
      ? [at, meter.rate, meter.client_errors, meter.failures, meter.p50, meter.p99, meter.own, meter.waited]
      : [at, -1, -1, -1, -1, -1, -1, -1]); // it has never been asked
    if (this.points.length > MAX_POINTS) this.points.shift();
  }

  async load() {
    if (this.asking) return;
    this.asking = true;
    try {
      const told = await get(`/api/series?${this.query}`);
      const until = told.at(-1)?.[0] ?? 0;
      this.points = [...told, ...this.points.filter(([at]) => at > until)].slice(-MAX_POINTS);
      this.redraw();
    } catch {
      // It is asked again after the next gap; what comes meanwhile is shown.
    } finally {
      this.asking = false;
    }
  }

  // What charts take: the times, then a column for each of these places; null where there is no value.
  columns(...places) {
    return [this.points.map(([at]) => at), ...places.map((place) => this.points.map((point) => (point[place] < 0 ? null : point[place])))];
  }
}
