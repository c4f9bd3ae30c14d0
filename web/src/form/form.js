// Makes the field for a value of a JSON Schema; fields of objects and lists call it for what they contain.
import { h } from "../dom.js";
import { groupFrame, titleOf } from "./frame.js";
import { listField, mapField } from "./lists.js";
import { objectField, oneOfField } from "./objects.js";
import { booleanField, choiceField, jsonField, numberField, secretField, textField } from "./scalars.js";
import { blankOf, shapeOf } from "./shape.js";

const FIELDS = { text: textField, secret: secretField, number: numberField, boolean: booleanField, json: jsonField, object: objectField, one_of: oneOfField };

// The element for spec.value; frame.js tells what `spec` has.
export function field(spec) {
  const shape = shapeOf(spec.schema);
  switch (shape.form) {
    case "choice": return choiceField(spec, shape.words);
    case "list": return listField(spec, shape.items);
    case "map": return mapField(spec, shape.items);
    case "union": return unionField(spec, shape.parts);
    default: return FIELDS[shape.form](spec);
  }
}

// A value that has one of several forms: a select of the form, and the field for it.
function unionField(spec, parts) {
  let part = Math.max(0, parts.findIndex((one) => one.fits(spec.value)));
  const body = h("div", { class: "members" });
  const choice = h("select", { "aria-label": `Form of ${titleOf(spec.pointer)}`, disabled: spec.form.readonly, onchange: () => {
    part = Number(choice.value);
    const value = blankOf(parts[part].schema);
    spec.changed(value);
    draw(value);
  } }, parts.map((one, at) => h("option", { value: String(at) }, one.label)));
  choice.value = String(part);

  function draw(value) {
    const { description, ...schema } = parts[part].schema;
    body.replaceChildren(field({ ...spec, schema, value, label: parts[part].label, remove: null }));
  }
  draw(spec.value);
  return groupFrame(spec, choice, body);
}
