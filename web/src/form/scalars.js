// Fields with one control: texts, numbers, choices, secrets, and values that are written as JSON.
import { h } from "../dom.js";
import { controlFrame, newId } from "./frame.js";

function placeholderOf(schema) {
  if (schema.default !== undefined && typeof schema.default !== "object") return `default: ${schema.default}`;
  const example = schema.examples?.[0];
  return typeof example === "string" || typeof example === "number" ? `as ${example}` : null;
}

function input(spec, type, read) {
  const control = h("input", { type, spellcheck: "false", autocomplete: type === "password" ? "new-password" : "off", readonly: spec.form.readonly,
    placeholder: placeholderOf(spec.schema), oninput: () => spec.changed(read(control.value)) });
  control.value = spec.value === null || spec.value === undefined ? "" : String(spec.value);
  return control;
}

// A text; the names of objects that it may refer to are offered.
export function textField(spec) {
  const control = input(spec, "text", (text) => text);
  if (spec.fixed) control.readOnly = true;
  const names = spec.form.names(spec.label);
  const frame = controlFrame(spec, control);
  if (names.length > 0) {
    const list = h("datalist", { id: newId() }, names.map((value) => h("option", { value })));
    control.setAttribute("list", list.id);
    frame.append(list);
  }
  return frame;
}

export function numberField(spec) {
  return controlFrame(spec, input(spec, "text", (text) => (/^(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text)));
}

// A stored secret is shown as `***`, which keeps it when it is sent back.
export function secretField(spec) {
  return controlFrame(spec, input(spec, "password", (text) => text));
}

function select(spec, options) {
  const known = options.some(([text]) => text === String(spec.value));
  const all = known ? options : [[String(spec.value ?? ""), spec.value], ...options];
  const control = h("select", { disabled: spec.form.readonly, onchange: () => spec.changed(all.find(([text]) => text === control.value)[1]) },
    all.map(([text]) => h("option", { value: text }, text)));
  control.value = String(spec.value ?? "");
  return controlFrame(spec, control);
}

export const booleanField = (spec) => select(spec, [["true", true], ["false", false]]);
export const choiceField = (spec, words) => select(spec, words.map((word) => [String(word), word]));

// A value of any form, as JSON. What cannot be read yet is not taken over.
export function jsonField(spec) {
  const control = h("textarea", { rows: "4", spellcheck: "false", autocomplete: "off", readonly: spec.form.readonly, oninput: () => {
    let value;
    try {
      value = JSON.parse(control.value);
    } catch (error) {
      control.setCustomValidity(error.message);
      control.setAttribute("aria-invalid", "true");
      return;
    }
    control.setCustomValidity("");
    control.removeAttribute("aria-invalid");
    spec.changed(value);
  } });
  control.value = JSON.stringify(spec.value, null, 2);
  return controlFrame(spec, control);
}
