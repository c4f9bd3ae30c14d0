// The page of one object: a form and its YAML, what the gateway says about the value, and the buttons that put it into
// the draft.
import { call, pathOfObject } from "../api.js";
import { link } from "../address.js";
import { notify } from "../actions.js";
import { h, setText } from "../dom.js";
import { showFaults } from "../form/faults.js";
import { field } from "../form/form.js";
import { members } from "../form/objects.js";
import { blankOf } from "../form/shape.js";
import { page } from "../panels.js";
import { session } from "../session.js";
import { draft } from "./draft.js";
import { fileDiff } from "./file_diff.js";
import { allKinds, objectsOf, originText, schemaOf, titleOfObject } from "./kinds.js";
import { YamlPane } from "./yaml.js";

const PAUSE = 500; // milliseconds after the last change before the gateway is asked about the value
// Members that name objects of a kind.
const REFERENCES = { upstream: "upstreams", plan: "plans", use: "policy-sets" };

// Loads what the page shows: {schema, value, origin, isNew, names, revision}. `revision` is the one that the author sees.
async function load(kind, name, single) {
  const [schema, ...lists] = await Promise.all([schemaOf(kind), ...Object.values(REFERENCES).map((one) => objectsOf({ kind: one }))]);
  const kept = draft.find(kind, name);
  const names = Object.fromEntries(Object.keys(REFERENCES).map((member, at) => [member,
    [...new Set([...lists[at].map((one) => one.name), ...draft.all().filter((one) => one.kind === REFERENCES[member]).map((one) => one.name)])]]));
  const isNew = name === "" && !single ? true : kept?.isNew ?? false;
  if (isNew) return { schema, value: kept?.value ?? blankOf(schema), origin: null, isNew, names, revision: null };
  const { ok, told, revision } = await call("GET", pathOfObject(kind, name));
  if (!ok) throw new Error(told.detail);
  if (single) return { schema, value: kept?.value ?? told, origin: null, isNew, names, revision };
  const { _origin: origin, ...value } = told;
  return { schema, value: kept?.value ?? value, origin, isNew, names, revision };
}

class ObjectEditor {
  constructor({ kind, name, single, loaded }) {
    Object.assign(this, { kind, name, single, ...loaded });
    this.readonly = !session.mayPublish;
    this.fields = h("form", { class: "object-form", onsubmit: (event) => event.preventDefault() });
    this.yaml = new YamlPane({ readonly: this.readonly, changed: (value) => this.adopt(value) });
    this.state = h("p", { class: "facts", role: "status" });
    this.others = h("ul", { class: "attention", hidden: true, "aria-label": "Problems elsewhere" });
    this.drawFields();
    this.yaml.show(this.value);
    if (!this.readonly) this.checkLater();
  }

  get isFromFile() {
    return this.origin?.from === "file";
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
    this.checkLater();
  }

  // A change of the YAML.
  adopt(value) {
    this.value = value;
    this.drawFields();
    this.checkLater();
  }

  // The change that the page would put into the draft.
  put() {
    return { kind: this.kind, name: this.isNew ? String(this.value?.name ?? "") : this.name, verb: "put", value: this.value, isNew: this.isNew };
  }

  checkLater() {
    clearTimeout(this.timer);
    this.checked = null;
    setText(this.state, "The gateway is checking.");
    this.timer = setTimeout(() => this.check(), PAUSE);
  }

  // Asks the gateway about the value. An object of a file cannot be in a change, so its own diff is asked for instead.
  async check() {
    if (this.isFromFile) {
      setText(this.state, "");
      return;
    }
    const value = this.value;
    const told = await draft.check(this.put());
    if (value !== this.value) return; // the value has been changed meanwhile
    this.checked = told;
    const homeless = showFaults(this.fields, told.own);
    const rest = [...homeless, ...told.others];
    this.others.replaceChildren(...rest.map((one) => h("li", {}, `${one.object ? `${titleOfObject(one.object.kind, one.object.name)}: ` : ""}${one.message}`)));
    this.others.hidden = rest.length === 0;
    const errors = [...told.own, ...told.others].filter((one) => one.severity === "error").length;
    setText(this.state, !told.ok ? "The gateway could not check the value." : errors === 0 ? "The gateway finds no error."
      : `The gateway finds ${errors === 1 ? "one error" : `${errors} errors`}.`);
  }

  keep() {
    const change = this.put();
    if (!this.single && change.name === "") {
      notify("The object needs a name.", true);
      return;
    }
    draft.keep(change, this.revision);
    location.hash = link("changes");
  }

  remove() {
    draft.keep({ kind: this.kind, name: this.name, verb: "delete" }, this.revision);
    location.hash = link("changes");
  }
}

function buttonsOf(editor) {
  const { kind, name } = editor;
  const kept = draft.find(kind, name);
  const button = (label, press, more = {}) => h("button", { type: "button", onclick: press, ...more }, label);
  return h("p", { class: "buttons publishing" },
    button("Put into the draft", () => editor.keep(), { class: "primary" }),
    editor.isNew || editor.single ? null : button("Delete in the draft", () => editor.remove()),
    kept ? button("Take back", () => {
      draft.takeBack(kind, name);
      location.hash = link("objects");
    }) : null);
}

function noteOf(editor) {
  if (editor.readonly) return `The role ${session.role} reads objects; the role publisher changes them.`;
  if (editor.isFromFile) return `The object belongs to ${originText(editor.origin)} and is changed there. Change it here to see the difference that the file needs.`;
  if (draft.find(editor.kind, editor.name)) return "The page shows the object as the draft has it.";
  return editor.isNew ? "The object is not published yet." : `From: ${originText(editor.origin) || "the API"}.`;
}

// The page of an object, or of a new one of the kind when the address has no name.
export function object([kind, given]) {
  const name = given ?? "";
  const body = h("div", {}, h("p", { class: "empty" }, "Loading."));
  let open = true;
  async function begin() {
    const its = (await allKinds()).find((one) => one.kind === kind);
    if (!its) throw new Error(`“${kind}” is not a kind of objects.`);
    const editor = new ObjectEditor({ kind, name, single: its.single, loaded: await load(kind, name, its.single) });
    if (!open) return;
    body.replaceChildren(h("p", { class: "facts" }, noteOf(editor)),
      editor.isFromFile ? fileDiff(() => editor.put()) : buttonsOf(editor),
      editor.state, editor.others,
      h("div", { class: "beside" },
        h("section", { class: "panel", "aria-label": "Form" }, h("div", { class: "panel-body" }, editor.fields)),
        h("div", { class: "panel" }, h("div", { class: "panel-body" }, editor.yaml.element))));
  }
  begin().catch((error) => body.replaceChildren(h("p", { class: "error" }, error.message)));
  return page({ title: given === undefined ? `New: ${kind}` : titleOfObject(kind, name), visible: true, parts: [body], show() {},
    detach() {
      open = false;
    } });
}
