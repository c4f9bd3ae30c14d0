// The view of all objects: where each comes from, and whether the draft changes it.
import { link } from "../address.js";
import { onEvent } from "../events.js";
import { h } from "../dom.js";
import { column, page } from "../panels.js";
import { Table } from "../table.js";
import { draft } from "./draft.js";
import { allKinds, objectsOf, originText, titleOfObject } from "./kinds.js";

const WORDS = { put: "changed", delete: "deleted" };

// What the draft does with an object: "", "new", "changed" or "deleted".
function inDraft({ kind, name }) {
  const change = draft.find(kind, name);
  return change ? (change.isNew ? "new" : WORDS[change.verb]) : "";
}

const labelsOf = (value) => Object.entries(value?.labels ?? {}).map(([key, its]) => `${key}: ${its}`).join(", ");

export function objects() {
  const table = new Table({ caption: "Objects", id: (row) => titleOfObject(row.kind, row.name), sort: { key: "kind" },
    empty: "There are no objects yet.", href: (row) => link("object", [row.kind, row.name]), columns: [
      { key: "name", label: "Object", value: (row) => row.name || row.kind }, column("kind", "Kind"),
      { key: "origin", label: "From", value: (row) => originText(row.value?._origin) || (row.single ? "" : "not published") },
      { key: "labels", label: "Labels", value: (row) => labelsOf(row.value) },
      { key: "draft", label: "In the draft", value: inDraft, format: (text) => (text ? h("span", { class: "state" }, text) : "") }] });
  const news = h("p", { class: "buttons publishing" });
  let rows = [], stop = [];

  function draw() {
    const known = new Set(rows.map((row) => titleOfObject(row.kind, row.name)));
    table.update([...rows, ...draft.all().filter((one) => !known.has(titleOfObject(one.kind, one.name)))]);
  }

  async function load() {
    const kinds = await allKinds();
    news.replaceChildren(...kinds.filter((one) => !one.single).map((one) => h("a", { class: "button", href: link("new", [one.kind]) }, `New ${one.noun}`)));
    rows = (await Promise.all(kinds.map(objectsOf))).flat();
    draw();
  }

  return page({ title: "Objects", parts: [news, table], show() {},
    attach() {
      load().catch(() => {}); // an event, or opening the view again, loads the objects anew
      stop = [draft.listen(draw), onEvent(() => load().catch(() => {}))];
    },
    detach() {
      stop.forEach((one) => one());
    } });
}
