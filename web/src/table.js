// A table that sorts by its columns, filters by a text and keeps what is open while its rows change each second.
// Sorting and filter are a part of the address.
import { here, remember } from "./address.js";
import { h, setText } from "./dom.js";

const MAX_ROWS = 300; // max number of rows shown at once; the filter finds the others

// columns: [{key, label, value(row), format(value, row) -> text or Node, number: true, sort: "ascending"}]; the first
// column names its row. `id(row)` identifies a row; `details(row)` may return an element that opens below the row, or
// `href(row)` the address of a page about the row. `empty` is the text for a table without rows.
export class Table {
  constructor({ caption, columns, id, sort, empty, details, href, filter = true, head = [] }) {
    this.columns = columns;
    this.id = id;
    this.usual = { descending: false, ...(sort ?? { key: columns[0].key }) };
    this.sort = this.usual;
    this.details = details;
    this.href = href;
    this.name = caption.toLowerCase().replace(/\W+/g, "-"); // the prefix of its entries in the address
    this.emptyText = empty ?? "Nothing yet.";
    this.rows = [];
    this.shown = new Map();
    this.open = new Map(); // open details by the id of the row
    this.needle = "";
    this.body = h("tbody");
    this.count = h("span", { class: "count" });
    this.empty = h("p", { class: "empty" });
    this.heads = columns.map((column) => {
      const button = h("button", { type: "button", onclick: () => this.sortBy(column.key) }, column.label);
      return h("th", { scope: "col", class: column.number ? "number" : null }, button);
    });
    const captionId = `caption-${this.name}`;
    this.input = h("input", {
      type: "search", placeholder: "Filter", "aria-label": `Filter ${caption.toLowerCase()}`, spellcheck: "false",
      oninput: (event) => {
        this.needle = event.target.value.toLowerCase();
        remember({ [`${this.name}.filter`]: event.target.value });
        this.render();
      },
    });
    this.scroller = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": captionId },
      h("table", { "aria-labelledby": captionId }, h("thead", {}, h("tr", {}, this.heads)), this.body));
    this.element = h("section", { class: "panel", tabindex: "-1" },
      h("div", { class: "panel-head" }, h("h2", { id: captionId }, caption), this.count, filter ? this.input : null, head),
      this.scroller, this.empty);
    this.render();
  }

  sortBy(key) {
    const column = this.columns.find((one) => one.key === key);
    const descending = this.sort.key === key ? !this.sort.descending : Boolean(column.number);
    this.sort = { key, descending };
    const usual = key === this.usual.key && descending === this.usual.descending;
    remember({ [`${this.name}.sort`]: usual ? null : `${descending ? "-" : ""}${key}` });
    this.render();
  }

  // Sorts and filters by the address. Must be called when the table is shown.
  restore() {
    const { query } = here();
    const sort = query.get(`${this.name}.sort`) ?? "";
    const key = sort.replace(/^-/, "");
    this.sort = this.columns.some((one) => one.key === key) ? { key, descending: sort.startsWith("-") } : this.usual;
    this.input.value = query.get(`${this.name}.filter`) ?? "";
    this.needle = this.input.value.toLowerCase();
    this.render();
  }

  // An open row stays even when it is not among the rows any more, because the user may be reading it.
  update(rows) {
    const known = new Set(rows.map((row) => String(this.id(row))));
    const kept = [...this.open].filter(([id]) => !known.has(id)).map(([, row]) => row);
    this.rows = [...rows, ...kept];
    this.render();
  }

  matching() {
    const words = this.needle.split(/\s+/).filter(Boolean);
    const text = (row) => this.columns.map((column) => String(column.value(row) ?? "")).join(" ").toLowerCase();
    const found = words.length === 0 ? [...this.rows] : this.rows.filter((row) => {
      const all = text(row);
      return words.every((word) => all.includes(word));
    });
    const by = this.columns.find((column) => column.key === this.sort.key);
    const sign = this.sort.descending ? -1 : 1;
    return found.sort((a, b) => {
      const left = by.value(a), right = by.value(b);
      if (typeof left === "number" && typeof right === "number") return sign * (left - right) || this.tie(a, b);
      return sign * String(left).localeCompare(String(right), "en", { numeric: true }) || this.tie(a, b);
    });
  }

  tie(a, b) {
    return this.id(a) < this.id(b) ? -1 : 1;
  }

  render() {
    for (const [at, column] of this.columns.entries()) {
      const sorted = column.key === this.sort.key;
      if (sorted) this.heads[at].setAttribute("aria-sort", this.sort.descending ? "descending" : "ascending");
      else this.heads[at].removeAttribute("aria-sort");
    }
    const rows = this.matching();
    const visible = rows.slice(0, MAX_ROWS);
    const keep = new Set(visible.map((row) => String(this.id(row))));
    const focused = this.body.contains(document.activeElement) ? document.activeElement : null;
    for (const [id, line] of this.shown) {
      if (keep.has(id)) continue;
      line.element.remove();
      line.below?.remove();
      this.shown.delete(id);
    }
    let before = null; // the element after which the next row is placed
    for (const row of visible) {
      const line = this.line(row);
      if ((before === null ? this.body.firstChild : before.nextSibling) !== line.element) {
        this.body.insertBefore(line.element, before === null ? this.body.firstChild : before.nextSibling);
      }
      before = line.element;
      if (line.below) {
        if (before.nextSibling !== line.below) this.body.insertBefore(line.below, before.nextSibling);
        before = line.below;
      }
    }
    const hidden = rows.length - visible.length;
    setText(this.count, this.rows.length === 0 ? "" :
      rows.length === this.rows.length && hidden === 0 ? `${rows.length}` : `${visible.length} of ${this.rows.length}`);
    this.scroller.hidden = visible.length === 0;
    this.empty.hidden = visible.length > 0;
    // The focus stays at the table when the row that had it is gone.
    if (focused && !focused.isConnected) (visible.length > 0 ? this.scroller : this.element).focus({ preventScroll: true });
    setText(this.empty, this.rows.length > 0 ? "No row matches the filter." : this.emptyText);
  }

  line(row) {
    const id = String(this.id(row));
    let line = this.shown.get(id);
    if (!line) {
      const cells = this.columns.map((column, at) =>
        h(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: column.number ? "number" : null }));
      line = { element: h("tr", {}, cells), cells, below: null, button: null, link: null };
      if (this.details) {
        line.button = h("button", { type: "button", class: "opener", "aria-expanded": "false", onclick: () => this.toggle(id) });
        cells[0].append(line.button);
      } else if (this.href) {
        line.link = h("a");
        cells[0].append(line.link);
      }
      this.shown.set(id, line);
    }
    line.row = row;
    if (line.link && line.link.getAttribute("href") !== this.href(row)) line.link.setAttribute("href", this.href(row));
    for (const [at, column] of this.columns.entries()) {
      const value = column.value(row);
      const told = column.format ? column.format(value, row) : String(value ?? "");
      const cell = at === 0 ? line.button ?? line.link ?? line.cells[0] : line.cells[at];
      if (told instanceof Node) {
        if (cell.firstChild === null || !cell.firstChild.isEqualNode(told) || cell.childNodes.length > 1) cell.replaceChildren(told);
      } else {
        setText(cell, told);
      }
    }
    return line;
  }

  toggle(id) {
    const line = this.shown.get(id);
    const open = line.below === null;
    line.button.setAttribute("aria-expanded", String(open));
    if (open) {
      this.open.set(id, line.row);
      line.below = h("tr", { class: "details" }, h("td", { colspan: this.columns.length }, this.details(line.row)));
      line.element.after(line.below);
    } else {
      this.open.delete(id);
      line.below.remove();
      line.below = null;
    }
  }
}
