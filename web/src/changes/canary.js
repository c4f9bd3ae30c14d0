// The canary: how much of the traffic it serves, both revisions compared, and how it ends.
import { confirmed, notify } from "../actions.js";
import { link } from "../address.js";
import { call } from "../api.js";
import { h, milliseconds, number, percent, setText } from "../dom.js";

const SPAN = 10_000; // milliseconds over which rates are taken

const ENDS = {
  promote: { label: "Promote", text: () => "The revision serves all requests from now on.", done: (canary) => `Revision ${canary.revision} is in force.` },
  withdraw: { label: "Withdraw", text: (canary) => `All requests are served by revision ${canary.base} again.`, done: (canary) => `Revision ${canary.revision} is withdrawn.` },
};

async function end(verb, canary) {
  const { label, text, done } = ENDS[verb];
  if (!await confirmed({ title: `${label} revision ${canary.revision}?`, verb: label, text: text(canary) })) return;
  const { ok, told } = await call("POST", `/v1/canary/${verb}`);
  notify(ok ? done(canary) : told.detail, !ok);
}

// One side of the comparison, over the whole time of the canary and over the last seconds.
class Side {
  constructor(label) {
    this.name = h("th", { scope: "row" }, label);
    this.cells = [0, 1, 2, 3, 4].map(() => h("td", { class: "number" }));
    this.row = h("tr", {}, this.name, this.cells);
    this.before = [];
  }

  show(name, counts, at) {
    setText(this.name, name);
    this.before = [...this.before.filter((one) => at - one.at <= SPAN && one.requests <= counts.requests), { at, ...counts }];
    const first = this.before[0];
    const seconds = (at - first.at) / 1000;
    const texts = [number(counts.requests), number(counts.errors), counts.requests > 0 ? percent(counts.errors / counts.requests) : "–",
      milliseconds(counts.mean_ms ?? -1), seconds > 0 ? ((counts.requests - first.requests) / seconds).toFixed(1) : "–"];
    texts.forEach((text, i) => setText(this.cells[i], text));
  }
}

export class CanaryPanel {
  constructor() {
    this.canary = null;
    this.facts = h("p", { class: "facts" });
    this.sides = { canary: new Side("canary"), base: new Side("base") };
    const heads = ["Revision", "Requests", "Errors (5xx)", "Share of errors", "Mean time", "Per second"];
    const buttons = h("p", { class: "buttons" }, Object.entries(ENDS).map(([verb, { label }]) =>
      h("button", { type: "button", class: verb === "promote" ? "action publishing" : "action", onclick: () => end(verb, this.canary) }, label)));
    this.element = h("section", { class: "panel", "aria-label": "Canary", hidden: true }, h("div", { class: "panel-head" }, h("h2", {}, "Canary")), this.facts,
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Both revisions" },
        h("table", {}, h("thead", {}, h("tr", {}, heads.map((one) => h("th", { scope: "col", class: "plain" }, one)))), h("tbody", {}, this.sides.canary.row, this.sides.base.row))),
      h("div", { class: "panel-body" }, buttons));
  }

  // `canary` is that of the live data: null when none serves.
  show(canary) {
    this.element.hidden = !canary;
    if (this.canary?.revision !== canary?.revision) this.sides.canary.before = this.sides.base.before = [];
    this.canary = canary;
    if (!canary) return;
    const end = canary.promote ? "is then promoted" : "is then withdrawn";
    const rule = canary.withdraw_when;
    const where = canary.nodes === null ? `serves ${canary.share} of the requests, by ${canary.by}, until ${canary.until}, and ${end}. `
      : `is served node by node${canary.turns.length > 0 ? `, so far by ${canary.turns.join(", ")}` : ""}, and ${end}. `;
    const text = `Revision ${canary.revision} ${where}` +
      `It is withdrawn before when more than ${rule.errors_above} of at least ${number(rule.min_requests)} requests fail.`;
    const change = h("a", { href: link("revision", [canary.revision], { with: canary.base }) }, "What it changes");
    if (!this.facts.textContent.startsWith(text)) this.facts.replaceChildren(text, " ", change);
    const now = Date.now();
    this.sides.canary.show(`${canary.revision}, the canary`, canary.counts.canary, now);
    this.sides.base.show(`${canary.base}, in force`, canary.counts.base, now);
  }
}
