// Another user has written the object since the page has read it: what they have changed, and how to go on.
import { h } from "../dom.js";
import { changeBlock, changesBetween } from "./differences.js";
import { titleOfObject } from "./kinds.js";

// `seen` and `theirs` are the values that the page has read and that the object has now; null when there is none. load()
// shows their version, and replace() writes the value of the page in its place.
export function overtakenOf({ kind, name, draft, by, seen, theirs, load, replace }) {
  const title = titleOfObject(kind, name);
  return h("section", { class: "panel", "aria-label": "Changed meanwhile" }, h("div", { class: "panel-head" }, h("h2", {}, "Changed meanwhile")),
    h("div", { class: "panel-body" },
      h("p", { class: "error" }, `${title} is not in the draft ${draft} as this page has read it${by ? `; ${by} has changed the draft last` : ""}. Nothing was written.`),
      theirs === null ? h("p", {}, "It is deleted.") : changeBlock(changesBetween(seen, theirs), `What others have changed in ${title}`),
      h("p", { class: "buttons" }, h("button", { type: "button", onclick: load }, "Show their version"), h("button", { type: "button", onclick: replace }, "Replace it by mine"))));
}
