// The view of all objects, in force or as the chosen draft has them: where each comes from, and what the draft does with it.
import { link } from "../address.js";
import { h, setText } from "../dom.js";
import { Follower } from "../follow.js";
import { column, page } from "../panels.js";
import { readOnlyNote } from "../session.js";
import { Table } from "../table.js";
import { choose, chosen } from "./drafts.js";
import { allKinds, objectsOf, originText, titleOfObject } from "./kinds.js";

const WORDS = { added: "new", changed: "changed", removed: "deleted" };

const labelsOf = (value) => Object.entries(value?.labels ?? {}).map(([key, its]) => `${key}: ${its}`).join(", ");

function objectTable() {
  return new Table({ caption: "Objects", id: (row) => titleOfObject(row.kind, row.name), sort: { key: "kind" },
    empty: "There are no objects yet.", href: (row) => link("object", [row.kind, row.name]), columns: [
      { key: "name", label: "Object", value: (row) => row.name || row.kind }, column("kind", "Kind"),
      { key: "origin", label: "From", value: (row) => originText(row.value?._origin) },
      { key: "labels", label: "Labels", value: (row) => labelsOf(row.value) },
      { key: "draft", label: "In the draft", value: (row) => row.inDraft ?? "", format: (text) => (text ? h("span", { class: "state" }, text) : "") }] });
}

// The select by which a draft is chosen.
class DraftChoice {
  constructor(changed) {
    this.select = h("select", { id: "chosen-draft", onchange: () => {
      choose(this.select.value);
      changed();
    } });
    this.element = h("div", { class: "choice" }, h("label", { for: "chosen-draft" }, "Shown with the draft"), this.select);
  }

  update(drafts) {
    const names = ["", ...drafts.map((one) => one.name)];
    if (names.join() !== [...this.select.options].map((one) => one.value).join()) {
      this.select.replaceChildren(...names.map((name) => h("option", { value: name }, name || "none: what is in force")));
    }
    this.select.value = chosen();
  }
}

export function objects() {
  const table = objectTable();
  const problem = h("p", { class: "error", role: "alert" });
  const news = h("span", { class: "buttons writing" });
  let shown = null; // the drafts and the revision of which the objects are shown
  let turn = 0; // answers to earlier questions are ignored

  // `draft` is the chosen one, of the list of drafts; undefined when none is chosen.
  async function load(draft) {
    const mine = (turn += 1);
    const kinds = await allKinds();
    if (news.childElementCount === 0) news.append(...kinds.filter((one) => !one.single).map((one) => h("a", { class: "button", href: link("new", [one.kind]) }, `New ${one.noun}`)));
    const rows = (await Promise.all(kinds.map((one) => objectsOf(one, draft?.name)))).flat();
    if (mine !== turn) return;
    const its = new Map((draft?.changes ?? []).map((one) => [titleOfObject(one.kind, one.name), one]));
    const deleted = [...its.values()].filter((one) => one.change === "removed" && one.name !== "");
    table.update([...rows, ...deleted].map((one) => ({ ...one, inDraft: WORDS[its.get(titleOfObject(one.kind, one.name))?.change] })));
  }

  const follower = new Follower("/v1/drafts", ({ ok, told, revision }) => {
    setText(problem, ok ? "" : told.detail);
    if (!ok) return;
    const draft = told.items.find((one) => one.name === chosen());
    if (!draft) choose("");
    choice.update(told.items);
    const now = JSON.stringify([draft, revision]);
    if (now === shown) return;
    shown = now;
    load(draft).catch((error) => {
      shown = null; // the next answer loads the objects again
      setText(problem, error.message);
    });
  });
  const choice = new DraftChoice(() => follower.read());

  return page({ title: "Objects", parts: [h("div", { class: "objects-head" }, choice.element, news), readOnlyNote(), problem, table], show() {},
    attach() {
      follower.start();
    },
    detach() {
      follower.stop();
    } });
}
