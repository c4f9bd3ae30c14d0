// Objects of a draft that others have changed in force since they were written into the draft: what was published, what
// the draft has, and the choice between both.
import { h, oneAtATime } from "../dom.js";
import { KeyedList } from "../keyed_list.js";
import { changeDraft } from "./drafts.js";
import { changeBlock, changesBetween, objectLink } from "./differences.js";
import { titleOfObject } from "./kinds.js";

// Writes the draft's version again, by which it is compared with what is in force now.
function keep(draft, { kind, name, live, draft: value }) {
  if (value !== null) return changeDraft(draft, [{ put: { kind, name, value } }]);
  const gone = live === null ? [] : [{ delete: { kind, name } }];
  return changeDraft(draft, [{ reset: { kind, name } }, ...gone]);
}

const take = (draft, { kind, name }) => changeDraft(draft, [{ reset: { kind, name } }]);

export class Conflicts {
  // act(work, conflict) does work(), which writes into the draft, while the draft is as it is shown.
  constructor(draft, act) {
    const choice = (label, work, one) => h("button", { type: "button", class: "writing", onclick: oneAtATime(() => act(() => work(draft, one), one)) },
      label, h("span", { class: "visually-hidden" }, ` of ${titleOfObject(one.kind, one.name)}`));
    this.list = new KeyedList({ label: "Objects in conflict", class: "differences", id: (one) => titleOfObject(one.kind, one.name), draw: (one) => {
      const title = titleOfObject(one.kind, one.name);
      return h("li", {}, h("strong", {}, objectLink(one)), one.live === null ? " was deleted by others." : one.base === null ? " was made by others too." : " was changed by others.",
        h("div", { class: "sides" }, h("div", {}, h("h3", {}, "In force now"), changeBlock(changesBetween(one.base, one.live), `What others have changed in ${title}`)),
          h("div", {}, h("h3", {}, "In the draft"), changeBlock(changesBetween(one.base, one.draft), `What the draft changes in ${title}`))),
        h("p", { class: "buttons" }, choice("Take the version in force", take, one), choice("Keep the draft's version", keep, one)));
    } });
    this.element = h("section", { class: "panel", "aria-label": "Conflicts", hidden: true }, h("div", { class: "panel-head" }, h("h2", {}, "Conflicts")),
      h("div", { class: "panel-body" }, h("p", { class: "hint" }, "Others have published changes of these objects since they were written into the draft. The draft can be published when each is decided."), this.list.element));
  }

  update(conflicts) {
    this.list.update(conflicts);
    this.element.hidden = conflicts.length === 0;
  }
}
