// For an object that a file of the gateway owns: the unified diff by which the file would get the value of the page.
import { call, pathOfObject } from "../api.js";
import { h } from "../dom.js";
import { unified } from "./differences.js";

// `change()` is the change whose diff is asked for.
export function fileDiff(change) {
  const told = h("div", { "aria-live": "polite" });
  async function ask() {
    const { kind, name, value } = change();
    const answer = await call("PUT", `${pathOfObject(kind, name)}?dry_run=true`, { value });
    if (answer.told.diff === undefined) told.replaceChildren(h("p", { class: "error" }, answer.told.detail ?? "There is no difference."));
    else if (answer.told.diff === "") told.replaceChildren(h("p", { class: "empty" }, "The file has this value already."));
    else told.replaceChildren(unified(answer.told.diff, `Difference for ${answer.told.file}`));
  }
  return h("div", { class: "publishing" }, h("p", { class: "buttons" }, h("button", { type: "button", onclick: ask }, "Show the difference for the file")), told);
}
