// Shows how objects differ.
import { link } from "../address.js";
import { h } from "../dom.js";
import { titleOfObject } from "./kinds.js";

const classOf = (line) => (/^(\+\+\+|---|@@)/.test(line) ? "muted" : line[0] === "+" ? "added" : line[0] === "-" ? "removed" : null);

// A unified diff; lines are marked by their sign, and by colour.
export function unified(text, label) {
  return h("pre", { class: "diff", tabindex: "0", role: "region", "aria-label": label },
    text.replace(/\n$/, "").split("\n").map((line) => h("span", { class: classOf(line) }, `${line}\n`)));
}

const WORDS = { added: "is new", changed: "is changed", removed: "is removed" };
const MARKS = { added: "+", changed: "~", removed: "-" };

function valueLines(sign, value) {
  if (value === undefined) return [];
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return text.split("\n").map((line) => h("span", { class: sign === "+" ? "added" : "removed" }, `${sign} ${line}\n`));
}

function changeLines({ pointer, before, after }) {
  // Secrets are shown as ***, so a changed one looks as it did before.
  const secret = before !== undefined && JSON.stringify(before) === JSON.stringify(after);
  return [pointer ? h("span", { class: "muted" }, `${pointer}\n`) : null,
    ...(secret ? [h("span", {}, "another secret\n")] : [...valueLines("-", before), ...valueLines("+", after)])].filter(Boolean);
}

// The objects of `diff` in a plan, or between two revisions: [{kind, name, change, changes}].
export function objectDifferences(objects) {
  if (objects.length === 0) return h("p", { class: "empty" }, "No object differs.");
  return h("ul", { class: "differences" }, objects.map((one) => {
    const title = titleOfObject(one.kind, one.name);
    return h("li", {}, h("strong", {}, `${MARKS[one.change] ?? ""} `, h("a", { href: link("object", [one.kind, one.name ?? ""]) }, title)), ` ${WORDS[one.change] ?? one.change}`,
      h("pre", { class: "diff", tabindex: "0", role: "region", "aria-label": `Difference of ${title}` }, one.changes.flatMap(changeLines)));
  }));
}
