// Fields that are lists, and fields that are names with values.
import { h } from "../dom.js";
import { field } from "./form.js";
import { groupFrame, pointerTo, titleOf } from "./frame.js";
import { focusWithin } from "./objects.js";
import { blankOf } from "./shape.js";

const button = (label, title, press) => h("button", { type: "button", class: "quiet", "aria-label": title, onclick: press }, label);

// A list. A list of one element may have been written without the list, and is sent as a list after a change.
export function listField(spec, items) {
  const body = h("div", { class: "members" });
  let values = Array.isArray(spec.value) ? spec.value : spec.value === undefined || spec.value === null ? [] : [spec.value];
  const bare = !Array.isArray(spec.value); // then pointers of the gateway do not have the number of the element

  function change(next) {
    values = next;
    spec.changed(values);
  }

  function moveUp(at) {
    const next = [...values];
    [next[at - 1], next[at]] = [next[at], next[at - 1]];
    change(next);
    draw();
    focusWithin(body.children[at - 1]);
  }

  function element(value, at) {
    const pointer = bare && values.length === 1 ? spec.pointer : pointerTo(spec.pointer, at);
    const one = field({ schema: items, value, pointer, label: String(at + 1), form: spec.form,
      changed: (its) => change(values.map((old, place) => (place === at ? its : old))),
      remove: () => {
        change(values.filter((_, place) => place !== at));
        draw();
        focusWithin(body.lastElementChild);
      } });
    if (at > 0 && !spec.form.readonly) one.append(button("Move up", `Move up ${titleOf(pointer)}`, () => moveUp(at)));
    return one;
  }

  function draw() {
    body.replaceChildren(...values.map(element));
    if (spec.form.readonly) return;
    body.append(button("Add", `Add an element to ${titleOf(spec.pointer)}`, () => {
      change([...values, blankOf(items)]);
      draw();
      focusWithin(body.children[values.length - 1]);
    }));
  }
  draw();
  return groupFrame(spec, body);
}

// Names and values, both of which can be changed.
export function mapField(spec, items) {
  const body = h("div", { class: "members" });
  let entries = Object.entries(spec.value ?? {});

  function change(next) {
    entries = next;
    spec.changed(Object.fromEntries(entries));
  }

  function entry([name, value], at) {
    const title = titleOf(pointerTo(spec.pointer, name || "new"));
    const key = h("input", { type: "text", "aria-label": `Name of ${title}`, placeholder: "name", spellcheck: "false", autocomplete: "off", readonly: spec.form.readonly,
      oninput: () => change(entries.map(([old, its], place) => [place === at ? key.value : old, its])) });
    key.value = name;
    const its = field({ schema: items, value, pointer: pointerTo(spec.pointer, name), label: "value", form: spec.form,
      changed: (next) => change(entries.map(([old, before], place) => [old, place === at ? next : before])),
      remove: () => {
        change(entries.filter((_, place) => place !== at));
        draw();
        focusWithin(body.lastElementChild);
      } });
    return h("div", { class: "entry" }, key, its);
  }

  function draw() {
    body.replaceChildren(...entries.map(entry));
    if (spec.form.readonly) return;
    body.append(button("Add", `Add a name to ${titleOf(spec.pointer)}`, () => {
      change([...entries, ["", blankOf(items)]]);
      draw();
      focusWithin(body.children[entries.length - 1]);
    }));
  }
  draw();
  return groupFrame(spec, body);
}
