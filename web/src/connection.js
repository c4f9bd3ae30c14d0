// Follows the gateway. While the gateway does not answer, a banner says so, the figures are grey, so that old figures
// are not taken for present ones, and the connection is tried again.
import { h, setText, timeOfDay } from "./dom.js";

const SILENCE = 6000; // max milliseconds without an event; the gateway sends one each second
const PAUSE = 2000; // milliseconds before the connection is tried again

const state = document.getElementById("connection");
const banner = document.getElementById("banner");

export class Connection {
  // live(told) and history(rows) get the data of the gateway; refused() is called when the gateway needs a token;
  // greeted() is called when the gateway answers for the first time or again.
  constructor(listeners) {
    this.listeners = listeners;
    this.source = null;
    this.heard = 0; // the time of the latest event
    this.lostSince = null;
    setInterval(() => this.watch(), 1000);
  }

  tell(name, text) {
    state.dataset.state = name;
    setText(state, text);
  }

  open() {
    this.close();
    this.heard = Date.now();
    if (!this.lostSince) this.tell("waiting", "connecting");
    this.source = new EventSource("/v1/live");
    this.source.addEventListener("history", (event) => {
      this.listeners.greeted();
      this.listeners.history(JSON.parse(event.data));
    });
    this.source.addEventListener("live", (event) => {
      this.found();
      this.listeners.live(JSON.parse(event.data));
    });
    this.source.addEventListener("error", () => this.fail());
  }

  close() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.retry);
  }

  found() {
    this.heard = Date.now();
    this.lostSince = null;
    this.tell("live", "live");
    banner.hidden = true;
    document.body.classList.remove("lost");
  }

  lose() {
    this.lostSince ??= new Date(this.heard);
    this.tell("lost", "no connection");
    if (!banner.hidden) return;
    banner.replaceChildren(h("strong", {}, "The gateway does not answer."), " ",
      `The page shows the state of ${timeOfDay(this.lostSince)}, and tries to connect again every ${PAUSE / 1000} seconds.`);
    banner.hidden = false;
    document.body.classList.add("lost");
  }

  // An event source does not tell whether it was refused or could not connect, so the session endpoint is asked.
  async fail() {
    this.close();
    const response = await fetch("/v1/session").catch(() => null);
    if (response?.status === 401) {
      banner.hidden = true;
      document.body.classList.remove("lost");
      this.tell("waiting", "not logged in");
      this.listeners.refused();
      return;
    }
    if (!response) this.lose();
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), response ? PAUSE / 4 : PAUSE);
  }

  // Ends a connection without events. A connection that is cut without notice looks as if it were open.
  watch() {
    if (!this.source || Date.now() - this.heard < SILENCE) return;
    this.lose();
    this.heard = Date.now();
    this.open();
  }
}
