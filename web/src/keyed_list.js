// A list that is drawn again and again. Entries that are as before stay the same elements, and the focus stays at its place.
import { h } from "./dom.js";

export class KeyedList {
  // `id(entry)` identifies an entry, and draw(entry) makes its element, a `li`.
  constructor({ label, id, draw, ...properties }) {
    this.id = id;
    this.draw = draw;
    this.items = new Map(); // {text, element} by id; `text` is the entry as JSON
    this.element = h("ul", { "aria-label": label, tabindex: "-1", ...properties });
  }

  update(entries) {
    const focused = document.activeElement;
    const before = [...this.items];
    const place = before.findIndex(([, one]) => one.element.contains(focused));
    this.items = new Map(entries.map((entry) => {
      const id = this.id(entry), text = JSON.stringify(entry), known = this.items.get(id);
      return [id, known?.text === text ? known : { text, element: this.draw(entry) }];
    }));
    const elements = [...this.items.values()].map((one) => one.element);
    for (const one of [...this.element.children]) if (!elements.includes(one)) one.remove();
    // An element that is moved loses the focus, so only new ones are inserted.
    elements.forEach((one, at) => {
      const there = this.element.children[at] ?? null;
      if (there !== one) this.element.insertBefore(one, there);
    });
    if (place < 0 || focused.isConnected) return;
    // The entry that had the focus, or else the next one that is left.
    const ids = before.map(([id]) => id);
    const near = [...ids.slice(place), ...ids.slice(0, place).reverse()].find((id) => this.items.has(id));
    this.focusIn(this.items.get(near)?.element, focused.textContent);
  }

  // Gives the focus to the control with this text in an entry, or to its first one.
  focusIn(entry, text) {
    const controls = [...entry?.querySelectorAll("a, button") ?? []];
    (controls.find((one) => one.textContent === text) ?? controls[0] ?? this.element).focus({ preventScroll: true });
  }
}
