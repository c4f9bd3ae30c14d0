// The page of one object, as the chosen draft has it: the editor, and the buttons that write into the draft.
import { call, pathOfDraft, pathOfObject } from "../api.js";
import { link } from "../address.js";
import { notify } from "../actions.js";
import { h, keepFocus, oneAtATime } from "../dom.js";
import { blankOf } from "../form/shape.js";
import { page } from "../panels.js";
import { session } from "../session.js";
import { choose, chosenDraft, draftForWriting, isAbout, takeBack } from "./drafts.js";
import { ObjectEditor } from "./editor.js";
import { fileDiff } from "./file_diff.js";
import { allKinds, objectsOf, originText, schemaOf, titleOfObject } from "./kinds.js";
import { overtakenOf } from "./overtaken.js";

const main = document.getElementById("main");
// Members that name objects of a kind.
const REFERENCES = { upstream: "upstreams", plan: "plans", use: "policy-sets" };

// {value, origin, etag} of an object in a draft, or in force without one.
async function read(kind, name, draft) {
  const { ok, told, etag } = await call("GET", pathOfObject(kind, name, draft));
  if (!ok) throw new Error(told.detail);
  if (Array.isArray(told)) return { value: told, origin: null, etag };
  const { _origin: origin, ...value } = told;
  return { value, origin, etag };
}

class ObjectPage {
  constructor(kind, name) {
    Object.assign(this, { kind, name, isOpen: true });
    this.element = h("div", {}, h("p", { class: "empty" }, "Loading."));
  }

  async load() {
    const { kind, name } = this;
    const its = (await allKinds()).find((one) => one.kind === kind);
    if (!its) throw new Error(`“${kind}” is not a kind of objects.`);
    this.isNew = name === "" && !its.single;
    this.draft = await chosenDraft();
    this.change = this.draft?.diff.objects.find(isAbout(kind, name))?.change;
    const inDraft = this.draft?.name ?? "";
    const [schema, ...lists] = await Promise.all([schemaOf(kind), ...Object.values(REFERENCES).map((one) => objectsOf({ kind: one }, inDraft))]);
    // What the draft deletes is shown as it is in force.
    const found = this.isNew ? { value: blankOf(schema), origin: null, etag: null } : await read(kind, name, this.change === "removed" ? "" : inDraft);
    Object.assign(this, { ...found, etag: this.change === "removed" ? null : found.etag });
    const names = Object.fromEntries(Object.keys(REFERENCES).map((member, at) => [member, lists[at].map((one) => one.name)]));
    this.isFromFile = found.origin?.from === "file";
    this.editor = new ObjectEditor({ kind, name, single: its.single, schema, value: found.value, draft: inDraft, names,
      readonly: !session.mayPublish || (!session.mayWrite && !this.isFromFile), checks: session.mayWrite && !this.isFromFile });
  }

  async open() {
    try {
      await this.load();
    } catch (error) {
      this.element.replaceChildren(h("p", { class: "error" }, error.message));
      return;
    }
    if (!this.isOpen) return;
    this.overtaken = h("div", { role: "alert" });
    keepFocus(main, () => this.element.replaceChildren(h("p", { class: "facts" }, this.note()),
      this.isFromFile ? fileDiff(() => ({ kind: this.kind, name: this.name, value: this.editor.value })) : this.buttons(), this.overtaken, this.editor.element));
  }

  note() {
    if (this.isFromFile && session.mayPublish) return `The object belongs to ${originText(this.origin)} and is changed there. Change it here to see the difference that the file needs.`;
    if (session.readOnly) return session.readOnly;
    const draft = this.draft ? h("a", { href: link("draft", [this.draft.name]) }, `the draft ${this.draft.name}`) : null;
    if (this.change === "removed") return h("span", {}, draft, " deletes the object, which is shown as it is in force.");
    if (this.change) return h("span", {}, "The page shows the object as ", draft, " has it.");
    return h("span", {}, this.isNew ? "The object is not published yet." : `From: ${originText(this.origin) || "the API"}.`, draft ? [" Changes go into ", draft, "."] : null);
  }

  buttons() {
    const button = (label, work, more = {}) => h("button", { type: "button", onclick: oneAtATime(work), ...more }, label);
    return h("p", { class: "buttons writing" },
      button("Put into the draft", () => this.put(), { class: "primary" }),
      this.isNew || this.editor.single || this.change === "removed" ? null : button("Delete in the draft", () => this.remove()),
      this.change ? button("Take back", () => this.takeBack()) : null);
  }

  put() {
    if (!this.editor.single && this.editor.objectName === "") return notify("The object needs a name.", true);
    return this.write((draft) => this.editor.put(draft, this.etag));
  }

  remove() {
    return this.write((draft) => (this.etag === null ? { ok: true } : call("DELETE", pathOfObject(this.kind, this.name, draft), { fields: { "if-match": this.etag } })));
  }

  // Does work(draft), and shows the draft, unless the user has gone to another page meanwhile.
  async write(work) {
    const draft = this.draft?.name ?? await draftForWriting();
    if (draft === null) return;
    const answer = await work(draft);
    if (answer.status === 412) await this.tellOvertaken(draft, work);
    else if (!answer.ok) notify(answer.told.detail, true);
    else this.leave(draft);
  }

  leave(draft) {
    choose(draft);
    if (this.isOpen) location.hash = link("draft", [draft]);
  }

  // `work` is what could not be done because the object is another one in the draft now.
  async tellOvertaken(draft, work) {
    const { kind, editor, value: seen } = this;
    const name = editor.objectName;
    const [about, now] = await Promise.all([call("GET", pathOfDraft(draft)), read(kind, name, draft).catch(() => ({ value: null, etag: null }))]);
    const load = oneAtATime(async () => {
      choose(draft);
      editor.close();
      if (this.isNew && this.isOpen) location.hash = link("object", [kind, name]);
      else await this.open();
    });
    const replace = oneAtATime(() => {
      this.etag = now.etag;
      return this.write(work);
    });
    keepFocus(main, () => this.overtaken.replaceChildren(overtakenOf({ kind, name, draft, by: about.told.changed_by, seen: this.isNew ? null : seen, theirs: now.value, load, replace })));
  }

  async takeBack() {
    const { ok, told } = await takeBack(this.draft, this);
    if (ok) this.leave(this.draft.name);
    else notify(told.detail, true);
  }

  close() {
    this.isOpen = false;
    this.editor?.close();
  }
}

// The page of an object, or of a new one of the kind when the address has no name.
export function object([kind, given]) {
  const its = new ObjectPage(kind, given ?? "");
  its.open();
  return page({ title: given === undefined ? `New: ${kind}` : titleOfObject(kind, given), visible: true, parts: [its.element], show() {},
    attach() {
      its.isOpen = true;
    },
    detach() {
      its.close();
    } });
}
