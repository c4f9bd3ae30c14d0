// The view of what would change: the draft, its plan, its publication, and the canary when one serves.
import { confirmed } from "../actions.js";
import { link } from "../address.js";
import { h, setText } from "../dom.js";
import { page } from "../panels.js";
import { Table } from "../table.js";
import { CanaryPanel } from "./canary.js";
import { draft } from "./draft.js";
import { titleOfObject } from "./kinds.js";
import { planOf } from "./plan.js";
import { publishForm } from "./publish.js";

const WORDS = { put: "changed", delete: "deleted" };

function draftTable() {
  return new Table({ caption: "Draft", id: (row) => titleOfObject(row.kind, row.name), filter: false, href: (row) => link("object", [row.kind, row.name]),
    empty: "The draft has no changes. Open an object, change it, and put it into the draft.", columns: [
      { key: "object", label: "Object", value: (row) => titleOfObject(row.kind, row.name) },
      { key: "what", label: "Change", value: (row) => (row.isNew ? "new" : WORDS[row.verb]) },
      { key: "act", label: "Action", value: () => "", format: (_, row) => h("button", { type: "button", class: "quiet", "aria-label": `Take back ${titleOfObject(row.kind, row.name)}`,
        onclick: () => draft.takeBack(row.kind, row.name) }, "Take back") }] });
}

export function changes() {
  const table = draftTable();
  const canary = new CanaryPanel();
  const base = h("p", { class: "facts" });
  const result = h("div", { "aria-live": "polite" });
  const publication = publishForm();
  const plan = h("button", { type: "button", class: "primary", onclick: () => ask() }, "Plan");
  const discard = h("button", { type: "button", onclick: async () => {
    if (await confirmed({ title: "Discard the draft?", text: "All changes of the draft are lost.", verb: "Discard" })) draft.discard();
  } }, "Discard the draft");
  const buttons = h("p", { class: "buttons" }, plan, discard, h("a", { class: "button", href: link("objects") }, "Objects"));
  let stop = () => {};

  async function ask() {
    plan.disabled = true;
    setText(result, "The gateway is planning.");
    const answer = await draft.plan();
    plan.disabled = false;
    result.replaceChildren(answer.ok ? planOf(answer.told, draft.all()) : h("p", { class: "error" }, answer.told.detail));
  }

  // A plan is that of the draft as it was, so it goes when the draft changes.
  function draw() {
    const all = draft.all();
    table.update(all);
    result.replaceChildren();
    plan.disabled = discard.disabled = all.length === 0;
    publication.element.hidden = all.length === 0;
    setText(base, draft.base() === null ? "" : `Made from revision ${draft.base()}.`);
  }

  return page({ title: "Changes", parts: [canary, table, base, buttons, result, publication],
    show(live) {
      canary.show(live.canary);
    },
    attach() {
      stop = draft.listen(draw);
      draw();
    },
    detach() {
      stop();
    } });
}
