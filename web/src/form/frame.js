// What all fields of a form have in common: a label, a sentence about the field, and a place for what is wrong with it.
import { h } from "../dom.js";

let made = 0;

// An id that no other element has.
export const newId = () => `field-${(made += 1)}`;

// A description of the schema as elements: `code` in it is code, and links of the reference are their words.
export function prose(text) {
  return text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").split(/`([^`]*)`/).map((part, at) => (at % 2 === 1 ? h("code", {}, part) : part));
}

// The pointer of a member (RFC 6901).
export const pointerTo = (pointer, member) => `${pointer}/${String(member).replaceAll("~", "~0").replaceAll("/", "~1")}`;

// The words by which buttons and screen readers name a field: "match path".
export const titleOf = (pointer) => pointer.split("/").slice(1).map((one) => (/^\d+$/.test(one) ? Number(one) + 1 : one.replaceAll("~1", "/").replaceAll("~0", "~"))).join(" ");

// `spec` of all fields: {schema, value, pointer, label, changed(value), remove() or null, form}. `form` is what the
// fields of a form share: {readonly, names(member)}.
function partsOf(spec) {
  const faultId = newId(), hintId = newId();
  const hint = spec.schema.description ? h("p", { class: "hint", id: hintId }, prose(spec.schema.description)) : null;
  const fault = h("p", { class: "field-fault", id: faultId, hidden: true });
  const remove = spec.remove && !spec.form.readonly
    ? h("button", { type: "button", class: "quiet", "aria-label": `Remove ${titleOf(spec.pointer)}`, onclick: spec.remove }, "Remove") : null;
  return { hint, fault, remove, described: [hint ? hintId : null, faultId].filter(Boolean).join(" ") };
}

// A field with one control, which gets the label.
export function controlFrame(spec, control) {
  const { hint, fault, remove, described } = partsOf(spec);
  control.id = newId();
  control.setAttribute("aria-describedby", described);
  return h("div", { class: "field", "data-pointer": spec.pointer },
    h("div", { class: "field-head" }, h("label", { for: control.id }, h("code", {}, spec.label)), control, remove), fault, hint);
}

// A field that consists of fields.
export function groupFrame(spec, ...children) {
  const { hint, fault, remove, described } = partsOf(spec);
  return h("fieldset", { class: "field group", "data-pointer": spec.pointer, "aria-describedby": described },
    h("legend", {}, h("code", {}, spec.label), " ", remove), fault, hint, children);
}
