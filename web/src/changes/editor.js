// The editor of one object: a form and its YAML beside each other, and what the gateway says about the value.
import { call, pathOfDraft, pathOfObject } from "../api.js";
import { h, setText } from "../dom.js";
import { showFaults } from "../form/faults.js";
import { field } from "../form/form.js";
import { members } from "../form/objects.js";
import { titleOfObject } from "./kinds.js";
import { YamlPane } from "./yaml.js";

const PAUSE = 500; // milliseconds after the last change before the gateway is asked about the value
const PREFIX = "/changes/0/put/value"; // where the value is in what is sent to be checked

export class ObjectEditor {
  // kind, name (that of a new object is in its value), single; schema; value; draft: the name of the draft in which the value is checked, or "";
  // names: by member, the objects that it may name; checks: false when the value is not to be checked.
  constructor(about) {
    Object.assign(this, about);
    this.isNew = this.name === "" && !this.single;
    this.fields = h("form", { class: "object-form", onsubmit: (event) => event.preventDefault() });
    this.yaml = new YamlPane({ readonly: this.readonly, changed: (value) => this.adopt(value) });
    this.state = h("p", { class: "facts", role: "status" });
    this.others = h("ul", { class: "attention", hidden: true, "aria-label": "Problems elsewhere" });
    this.element = h("div", {}, this.state, this.others, h("div", { class: "beside" },
      h("section", { class: "panel", "aria-label": "Form" }, h("div", { class: "panel-body" }, this.fields)),
      h("div", { class: "panel" }, h("div", { class: "panel-body" }, this.yaml.element))));
    this.drawFields();
    this.yaml.show(this.value);
    if (this.checks) this.checkLater();
  }

  drawFields() {
    const form = { readonly: this.readonly, names: (member) => this.names[member] ?? [] };
    const spec = { schema: this.schema, value: this.value, pointer: "", label: this.kind, form, remove: null, changed: (value) => this.change(value) };
    const fixed = this.isNew ? [] : ["name"]; // an object keeps its name
    this.fields.replaceChildren(this.single ? field(spec)
      : h("div", { "data-pointer": "" }, h("p", { class: "field-fault", hidden: true }), members(spec, fixed)));
  }

  // A change of the form.
  change(value) {
    this.value = value;
    this.yaml.show(value);
    if (this.checks) this.checkLater();
  }

  // A change of the YAML.
  adopt(value) {
    this.value = value;
    this.drawFields();
    if (this.checks) this.checkLater();
  }

  // The name that the object has, or would get; "" when it has none.
  get objectName() {
    return this.isNew ? String(this.value?.name ?? "") : this.name;
  }

  checkLater() {
    clearTimeout(this.timer);
    setText(this.state, "The gateway is checking.");
    this.timer = setTimeout(() => this.check(), PAUSE);
  }

  // Asks what the value would do, together with the rest of the draft.
  async check() {
    const { value, kind, objectName: name } = this;
    const path = this.draft ? `${pathOfDraft(this.draft)}/changes?dry_run=true` : "/v1/plan";
    const { ok, told } = await call("POST", path, { value: { changes: [{ put: { kind, name, value } }] } });
    if (value !== this.value) return; // the value has been changed meanwhile
    const all = told.diagnostics ?? [];
    // A new object must not replace another one.
    if (this.isNew && (told.diff?.objects ?? []).some((one) => one.kind === kind && one.name === name && one.change !== "added")) {
      all.push({ severity: "error", path: `${PREFIX}/name`, message: `there is an object ${titleOfObject(kind, name)} already` });
    }
    const isOwn = (one) => one.path === PREFIX || one.path.startsWith(`${PREFIX}/`);
    const homeless = showFaults(this.fields, all.filter(isOwn).map((one) => ({ ...one, pointer: one.path.slice(PREFIX.length) })));
    const rest = [...homeless, ...all.filter((one) => !isOwn(one))];
    this.others.replaceChildren(...rest.map((one) => h("li", {}, `${one.object ? `${titleOfObject(one.object.kind, one.object.name)}: ` : ""}${one.message}`)));
    this.others.hidden = rest.length === 0;
    const errors = all.filter((one) => one.severity === "error").length;
    setText(this.state, !ok ? "The gateway could not check the value." : errors === 0 ? "The gateway finds no error."
      : `The gateway finds ${errors === 1 ? "one error" : `${errors} errors`}.`);
  }

  // Writes the value into a draft. `etag` is that of the object as the user has seen it there; null when there was none.
  put(draft, etag) {
    return call("PUT", pathOfObject(this.kind, this.objectName, draft), { value: this.value, fields: etag ? { "if-match": etag } : { "if-none-match": "*" } });
  }

  close() {
    clearTimeout(this.timer);
  }
}
