// Shows how objects differ.
import { link } from "../address.js";
import { h } from "../dom.js";
import { pointerTo } from "../form/frame.js";
import { titleOfObject } from "./kinds.js";

const classOf = (line) => (/^(\+\+\+|---|@@)/.test(line) ? "muted" : line[0] === "+" ? "added" : line[0] === "-" ? "removed" : null);

// A unified diff; lines are marked by their sign, and by colour.
export function unified(text, label) {
  return h("pre", { class: "diff", tabindex: "0", role: "region", "aria-label": label },
    text.replace(/\n$/, "").split("\n").map((line) => h("span", { class: classOf(line) }, `${line}\n`)));
}

const WORDS = { added: "is new", changed: "is changed", removed: "is removed" };
export const MARKS = { added: "+", changed: "~", removed: "-" };

export const objectLink = ({ kind, name }) => h("a", { href: link("object", [kind, name ?? ""]) }, titleOfObject(kind, name));

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

// `changes` of the diff of an object: [{pointer, before, after}].
export function changeBlock(changes, label) {
  const lines = changes.flatMap(changeLines);
  return h("pre", { class: "diff", tabindex: "0", role: "region", "aria-label": label }, lines.length > 0 ? lines : "no visible difference\n");
}

// An object of a diff, {kind, name, change, changes}, with `more` behind its title.
export function differenceItem(one, ...more) {
  const title = titleOfObject(one.kind, one.name);
  return h("li", {}, h("div", { class: "difference-head" }, h("span", {}, h("strong", {}, `${MARKS[one.change]} `, objectLink(one)), ` ${WORDS[one.change]}`), ...more),
    changeBlock(one.changes, `Difference of ${title}`));
}

const isGroup = (value) => typeof value === "object" && value !== null;

// The changes between two values, as the gateway lists them in a diff. A value that is null is not there.
export function changesBetween(before, after, pointer = "") {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (isGroup(before) && isGroup(after) && Array.isArray(before) === Array.isArray(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => changesBetween(before[key], after[key], pointerTo(pointer, key)));
  }
  return [{ pointer, before: before ?? undefined, after: after ?? undefined }];
}
