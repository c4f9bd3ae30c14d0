// Fields that are objects: their members, of which those are shown that are set or required, and others can be added.
import { h } from "../dom.js";
import { field } from "./form.js";
import { groupFrame, pointerTo, titleOf } from "./frame.js";
import { blankOf, requiredOf } from "./shape.js";

// Puts the keyboard focus on the first control within an element, or on its first button when there is no control.
export function focusWithin(element) {
  (element?.querySelector("input, select, textarea") ?? element?.querySelector("button"))?.focus();
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// A select of words and a button that adds the chosen one.
export function adder(title, words, add) {
  const choice = h("select", { "aria-label": title }, words.map((word) => h("option", { value: word }, word)));
  return h("div", { class: "adder" }, choice, h("button", { type: "button", class: "quiet", "aria-label": title, onclick: () => add(choice.value) }, "Add"));
}

// The members in the order in which people read them: the name, what is required, the others.
function ordered(names, required) {
  const rank = (name) => (name === "name" ? 0 : required.includes(name) ? 1 : 2);
  return [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b, "en"));
}

// The members of an object without a frame around them. `fixed` names members that cannot be changed.
export function members(spec, fixed = []) {
  const required = requiredOf(spec.schema), known = spec.schema.properties ?? {};
  const body = h("div", { class: "members" });
  let value = isObject(spec.value) ? spec.value : {};

  function change(next) {
    value = next;
    spec.changed(value);
  }

  function member(name) {
    const pointer = pointerTo(spec.pointer, name);
    return field({ schema: known[name] ?? {}, value: value[name], pointer, label: name, form: spec.form, fixed: fixed.includes(name),
      changed: (its) => change({ ...value, [name]: its }),
      remove: required.includes(name) || fixed.includes(name) ? null : () => {
        const { [name]: _, ...rest } = value;
        change(rest);
        draw();
        focusWithin(body.querySelector(":scope > .adder"));
      } });
  }

  function draw() {
    const shown = ordered(new Set([...required, ...Object.keys(value)]), required);
    const others = ordered(Object.keys(known).filter((name) => !shown.includes(name)), []);
    body.replaceChildren(...shown.map(member));
    if (others.length === 0 || spec.form.readonly) return;
    body.append(adder(`Add to ${titleOf(spec.pointer) || spec.label}`, others, (name) => {
      change({ ...value, [name]: blankOf(known[name]) });
      draw();
      focusWithin([...body.children].find((one) => one.dataset.pointer === pointerTo(spec.pointer, name)));
    }));
  }
  draw();
  return body;
}

export function objectField(spec) {
  return groupFrame(spec, members(spec));
}

// An object with one member: a select of its name, and the fields of its settings.
export function oneOfField(spec) {
  const known = spec.schema.properties;
  const body = h("div", { class: "members" });
  let [name, settings] = Object.entries(isObject(spec.value) ? spec.value : {})[0] ?? ["", {}];
  const names = Object.keys(known).sort();
  const choice = h("select", { "aria-label": `Kind of ${titleOf(spec.pointer)}`, disabled: spec.form.readonly, onchange: () => {
    name = choice.value;
    settings = name ? blankOf(known[name]) : {};
    spec.changed(name ? { [name]: settings } : {});
    draw();
  } }, ["", ...names].map((one) => h("option", { value: one }, one || "choose")));
  choice.value = name;

  function draw() {
    body.replaceChildren();
    if (!name) return;
    body.append(field({ schema: known[name] ?? {}, value: settings, pointer: pointerTo(spec.pointer, name), label: name, form: spec.form, remove: null,
      changed: (its) => spec.changed({ [name]: its }) }));
  }
  draw();
  return groupFrame(spec, choice, body);
}
