// The gateway's drafts, of which this browser chooses one: objects are shown as it has them, and changes go into it.
import { confirmed, notify } from "../actions.js";
import { call, documentAt, pathOfDraft } from "../api.js";
import { h } from "../dom.js";
import { session } from "../session.js";

const KEY = "draft";

// The name of the chosen draft, or "".
export const chosen = () => localStorage.getItem(KEY) ?? "";

export function choose(name) {
  if (name === "") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, name);
}

// The choice ends with its draft.
export function forget(name) {
  if (chosen() === name) choose("");
}

export const allDrafts = async () => (await documentAt("/v1/drafts")).items;

// The chosen draft, as GET /v1/drafts/{draft} answers; null when none is chosen.
export async function chosenDraft() {
  const name = chosen();
  if (name === "") return null;
  if ((await allDrafts()).some((one) => one.name === name)) return documentAt(pathOfDraft(name));
  forget(name);
  return null;
}

export const isAbout = (kind, name) => (one) => one.kind === kind && one.name === name;

// What a draft says about everything, or about one object.
function partOf(draft, about) {
  if (!about) return JSON.stringify(draft);
  const its = isAbout(about.kind, about.name);
  return JSON.stringify([draft.diff.objects.filter(its), draft.conflicts.filter(its)]);
}

// Does act() when the draft, or what it says `about` {kind, name}, is as the user has `seen` it, because others may have
// changed it. Both return an answer of call().
export async function actOn(seen, act, about) {
  const now = await call("GET", pathOfDraft(seen.name));
  if (!now.ok) return now;
  if (partOf(now.told, about) === partOf(seen, about)) return act();
  return { ok: false, status: 409, told: { diagnostics: [], detail: `The draft, or what is in force, has changed meanwhile; the draft was changed last by ${now.told.changed_by}. Look at it again first.` } };
}

// Sends changes as POST /v1/drafts/{draft}/changes takes them.
export const changeDraft = (name, changes) => call("POST", `${pathOfDraft(name)}/changes`, { value: { changes } });

export const takeBack = (seen, { kind, name }) => actOn(seen, () => changeDraft(seen.name, [{ reset: { kind, name } }]), { kind, name });

export const nameOfDraft = { pattern: "[A-Za-z0-9._\\-]{1,63}", maxlength: "63", spellcheck: "false", autocomplete: "off" };

// A name that no draft has.
function freeName(drafts) {
  const base = session.name.replace(/[^A-Za-z0-9._-]+/g, "-").slice(0, 60) || "changes";
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base}-${number}`;
    if (!drafts.some((one) => one.name === name)) return name;
  }
}

// The draft into which a change goes: the chosen one, or one that the user names. Null when the user does not.
export async function draftForWriting() {
  if (chosen() !== "") return chosen();
  const drafts = await allDrafts();
  const input = h("input", { id: "into-draft", type: "text", list: "known-drafts", value: freeName(drafts), required: true, ...nameOfDraft });
  const sure = await confirmed({ title: "Into which draft?", verb: "Put into the draft", text: "A new name makes a draft. Nothing is in force before the draft is published.",
    fields: [h("div", { class: "fields" }, h("label", { for: "into-draft" }, "Draft"), input, h("datalist", { id: "known-drafts" }, drafts.map((one) => h("option", { value: one.name }))))] });
  if (!sure) return null;
  if (input.checkValidity()) return input.value;
  notify("The name of a draft has 1 to 63 letters, digits, “.”, “_” and “-”.", true);
  return null;
}
