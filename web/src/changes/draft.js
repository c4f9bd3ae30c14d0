// The page of a draft: how it differs from what is in force, what others have published meanwhile, its plan, and its
// publication. Others may write the draft at any time, so the page reads it again and again.
import { confirmed, notify } from "../actions.js";
import { link } from "../address.js";
import { call, pathOfDraft } from "../api.js";
import { dateAndTime, h, keepFocus, oneAtATime, setText } from "../dom.js";
import { Follower } from "../follow.js";
import { KeyedList } from "../keyed_list.js";
import { page } from "../panels.js";
import { readOnlyNote } from "../session.js";
import { Conflicts } from "./conflicts.js";
import { differenceItem } from "./differences.js";
import { actOn, choose, forget, takeBack } from "./drafts.js";
import { titleOfObject } from "./kinds.js";
import { planOf } from "./plan.js";
import { PublishForm } from "./publish.js";

const main = document.getElementById("main");

function factsOf({ author, time, changed_by: last, changed, diff, conflicts }) {
  const count = diff.objects.length;
  return `${count === 0 ? "Nothing differs" : count === 1 ? "One object differs" : `${count} objects differ`} from what is in force.`
    + ` Made by ${author}, ${dateAndTime(time)}; changed last by ${last}, ${dateAndTime(changed)}.`
    + (conflicts.length > 0 ? ` In conflict with what others have published: ${conflicts.map((one) => titleOfObject(one.kind, one.name)).join(", ")}.` : "");
}

class DraftPage {
  constructor(name) {
    this.name = name;
    this.path = pathOfDraft(name);
    this.seen = null; // the draft as it is shown
    this.follower = new Follower(this.path, (answer) => this.arrived(answer));
    this.facts = h("p", { class: "facts", role: "status" }, "Loading.");
    this.differences = new KeyedList({ label: "Changed objects", class: "differences", id: (one) => titleOfObject(one.kind, one.name),
      draw: (one) => differenceItem(one, h("button", { type: "button", class: "quiet writing", onclick: oneAtATime(() => this.takeBack(one)) },
        "Take back", h("span", { class: "visually-hidden" }, ` ${titleOfObject(one.kind, one.name)}`))) });
    this.empty = h("p", { class: "hint" }, "The draft has no changes. Open an object, change it, and put it into the draft.");
    this.conflicts = new Conflicts(name, (work, about) => this.write(() => actOn(this.seen, work, about)));
    this.outdated = h("p", { class: "hint", role: "status" });
    this.result = h("div", { "aria-live": "polite" });
    this.form = new PublishForm((conditions) => this.publish(conditions));
    const buttons = h("p", { class: "buttons" }, h("button", { type: "button", class: "primary", onclick: oneAtATime(() => this.plan()) }, "Plan"),
      h("a", { class: "button", href: link("objects") }, "Objects"), h("button", { type: "button", class: "writing", onclick: oneAtATime(() => this.remove()) }, "Delete the draft"));
    this.body = h("div", { hidden: true }, h("section", { class: "panel", "aria-label": "Differences" }, h("div", { class: "panel-head" }, h("h2", {}, "Differences")),
      h("div", { class: "panel-body" }, this.empty, this.differences.element)), this.conflicts.element, buttons, this.outdated, this.result, this.form.element);
  }

  arrived({ ok, status, told }) {
    if (ok) this.show(told);
    else if (status === 404) this.end();
    else setText(this.facts, told.detail);
  }

  show(draft) {
    const before = this.seen;
    this.seen = draft;
    setText(this.facts, factsOf(draft));
    keepFocus(main, () => {
      this.body.hidden = false;
      this.empty.hidden = draft.diff.objects.length > 0;
      this.differences.update(draft.diff.objects);
      this.conflicts.update(draft.conflicts);
    });
    const differs = before !== null && JSON.stringify(before) !== JSON.stringify(draft);
    if (differs && this.result.firstChild) setText(this.outdated, "The draft has changed since this plan was made.");
  }

  // The draft is gone.
  end() {
    this.follower.stop();
    forget(this.name);
    setText(this.facts, `There is no draft “${this.name}”: it has been published or deleted.`);
    keepFocus(main, () => {
      this.body.hidden = true;
    });
  }

  // Does work(), which writes into the draft, and shows what has become of it.
  async write(work) {
    const { ok, told } = await work();
    if (!ok) notify(told.detail, true);
    await this.follower.read();
  }

  takeBack(one) {
    return this.write(() => takeBack(this.seen, one));
  }

  async plan() {
    setText(this.outdated, "The gateway is planning.");
    const { ok, told } = await call("POST", `${this.path}/plan`);
    setText(this.outdated, "");
    keepFocus(main, () => this.result.replaceChildren(ok ? planOf(told) : h("p", { class: "error" }, told.detail)));
  }

  // Does what ends the draft. The page does not read the draft meanwhile.
  async finish(work, done) {
    this.follower.stop();
    const answer = await actOn(this.seen, work);
    if (answer.ok) {
      forget(this.name);
      done(answer.told);
    } else if (this.isOpen) {
      this.follower.start();
    }
    return answer;
  }

  async remove() {
    if (!await confirmed({ title: `Delete the draft ${this.name}?`, text: "All changes of the draft are lost, for everyone.", verb: "Delete" })) return;
    const { ok, told } = await this.finish(() => call("DELETE", this.path), () => this.leave("changes", `The draft ${this.name} is deleted.`));
    if (!ok) notify(told.detail, true);
  }

  publish(conditions) {
    return this.finish(() => call("POST", `${this.path}/publish`, { value: conditions }), ({ revision, summary, canary }) => {
      if (canary) this.leave("changes", `Revision ${revision} ${canary.nodes === null ? `serves ${canary.share} of the requests` : "is served node by node"}.`);
      else this.leave("history", summary ? `Revision ${revision} is in force: ${summary}.` : "Nothing has changed.");
    });
  }

  // Tells what has been done, and goes to another view, unless the user has gone to one already.
  leave(view, text) {
    notify(text);
    if (this.isOpen) location.hash = link(view);
  }

  attach() {
    this.isOpen = true;
    choose(this.name);
    this.follower.start();
  }

  detach() {
    this.isOpen = false;
    this.follower.stop();
  }
}

export function draft([name]) {
  const its = new DraftPage(name);
  return page({ title: `Draft ${name}`, visible: true, parts: [its.facts, readOnlyNote(), its.body], show() {},
    attach() {
      its.attach();
    },
    detach() {
      its.detach();
    } });
}
