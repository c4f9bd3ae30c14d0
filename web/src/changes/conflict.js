// When others have changed objects of the draft meanwhile: what they have changed, and how to go on.
import { call } from "../api.js";
import { notify } from "../actions.js";
import { h } from "../dom.js";
import { objectDifferences } from "./differences.js";
import { draft } from "./draft.js";
import { titleOfObject } from "./kinds.js";

// `objects` are those that have changed since the draft's base; `revision` is the one in force.
export function conflictOf(objects, revision) {
  const titles = new Set(objects.map((one) => titleOfObject(one.kind, one.name)));
  const told = h("div", {});
  async function load() {
    const answer = await call("GET", `/v1/revisions/${draft.base()}/diff/${revision}`);
    told.replaceChildren(answer.ok ? objectDifferences(answer.told.objects.filter((one) => titles.has(titleOfObject(one.kind, one.name)))) : h("p", { class: "error" }, answer.told.detail));
  }
  load();
  return h("div", {}, h("h3", {}, `Changed by others since revision ${draft.base()}`), told,
    h("p", { class: "buttons" }, h("button", { type: "button", onclick: () => {
      draft.rebase(revision);
      notify(`The draft is made from revision ${revision} now: publishing it replaces what others have changed.`);
    } }, `Keep the draft's version, from revision ${revision}`)));
}
