// The view of all drafts, and of the canary when one serves.
import { notify } from "../actions.js";
import { link } from "../address.js";
import { dateAndTime, h, oneAtATime, setText } from "../dom.js";
import { Follower } from "../follow.js";
import { column, page } from "../panels.js";
import { readOnlyNote } from "../session.js";
import { Table } from "../table.js";
import { CanaryPanel } from "./canary.js";
import { MARKS } from "./differences.js";
import { allDrafts, changeDraft, nameOfDraft } from "./drafts.js";
import { titleOfObject } from "./kinds.js";

const MAX_NAMED = 6; // objects that a row names

function named(objects, text) {
  const more = objects.length > MAX_NAMED ? ` and ${objects.length - MAX_NAMED} more` : "";
  return objects.slice(0, MAX_NAMED).map(text).join(", ") + more;
}

function draftTable() {
  return new Table({ caption: "Drafts", id: (row) => row.name, href: (row) => link("draft", [row.name]),
    empty: "There is no draft. Make one here, or open an object and change it.", columns: [
      column("name", "Draft"), column("changed_by", "Changed last by"), column("changed", "At", dateAndTime),
      { key: "what", label: "Changes", value: (row) => named(row.changes, (one) => `${MARKS[one.change]}${titleOfObject(one.kind, one.name)}`) || "nothing yet",
        format: (text) => h("span", { class: "long" }, text) },
      { key: "conflicts", label: "Conflicts", value: (row) => named(row.conflicts, (one) => titleOfObject(one.kind, one.name)),
        format: (text) => (text ? h("span", { class: "state bad" }, text) : "none") }] });
}

// The form that makes a draft. `isOpen()` tells whether the view is still shown.
function makeForm(isOpen) {
  const input = h("input", { id: "new-draft", type: "text", required: true, ...nameOfDraft });
  return h("form", { class: "buttons writing", onsubmit: oneAtATime(async () => {
    const name = input.value;
    const isTaken = (await allDrafts()).some((one) => one.name === name);
    const { ok, told } = isTaken ? { ok: false, told: { detail: `There is a draft ${name} already.` } } : await changeDraft(name, []);
    if (!ok) notify(told.detail, true);
    else if (isOpen()) location.hash = link("draft", [name]);
  }) }, h("label", { for: "new-draft" }, "New draft"), input, h("button", { type: "submit" }, "Make the draft"));
}

export function changes() {
  const table = draftTable();
  const canary = new CanaryPanel();
  const problem = h("p", { class: "error", role: "alert" });
  const follower = new Follower("/v1/drafts", ({ ok, told }) => {
    setText(problem, ok ? "" : told.detail);
    if (ok) table.update(told.items);
  });
  let open = false;
  return page({ title: "Changes", parts: [canary, readOnlyNote(), problem, makeForm(() => open), table],
    show(live) {
      canary.show(live.canary);
    },
    attach() {
      open = true;
      follower.start();
    },
    detach() {
      open = false;
      follower.stop();
    } });
}
