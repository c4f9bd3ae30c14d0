// Reads a document of the API again and again while a page shows it, because others may change it at any time.
import { call } from "./api.js";
import { onEvent } from "./events.js";

const PERIOD = 2000; // milliseconds

export class Follower {
  // `arrived(answer)` gets each answer of call(), unless a later read has begun meanwhile or the follower was stopped.
  constructor(path, arrived) {
    this.path = path;
    this.arrived = arrived;
    this.turn = 0;
    this.isReading = false;
  }

  start() {
    this.stop();
    this.timer = setInterval(() => this.isReading || this.read(), PERIOD);
    this.stopEvents = onEvent(() => this.read());
    this.read();
  }

  stop() {
    clearInterval(this.timer);
    this.stopEvents?.();
    this.turn += 1;
  }

  async read() {
    const turn = (this.turn += 1);
    this.isReading = true;
    const answer = await call("GET", this.path);
    if (turn !== this.turn) return;
    this.isReading = false;
    this.arrived(answer);
  }
}
