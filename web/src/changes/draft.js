// The changes that have been made on this page and are not published. They are kept in this page alone, because they may
// contain secrets, and are sent to /v1/plan and /v1/publish as one list.
import { call } from "../api.js";
import { titleOfObject } from "./kinds.js";

const changes = new Map(); // by title: {kind, name, verb: "put" or "delete", value, isNew}
const listeners = new Set();
let base = null; // the revision that the author has seen when the first change was made

function told() {
  for (const listener of listeners) listener();
}

const document = (one) => (one.verb === "put" ? { put: { kind: one.kind, name: one.name, value: one.value } } : { delete: { kind: one.kind, name: one.name } });

export const draft = {
  all: () => [...changes.values()],
  find: (kind, name) => changes.get(titleOfObject(kind, name)) ?? null,
  base: () => base,

  // Adds a change, in the place of an earlier one of the same object. `revision` is the one that the author has seen; null
  // for a new object.
  keep(change, revision) {
    if (revision !== null) base = Math.min(base ?? revision, revision);
    changes.set(titleOfObject(change.kind, change.name), change);
    told();
  },
  takeBack(kind, name) {
    changes.delete(titleOfObject(kind, name));
    if (changes.size === 0) base = null;
    told();
  },
  discard() {
    changes.clear();
    base = null;
    told();
  },
  // The changes are made on this revision, although objects of them have changed since the one before.
  rebase(revision) {
    base = revision;
    told();
  },

  // What the changes would do; the answer of call().
  plan: () => call("POST", "/v1/plan", { value: { changes: draft.all().map(document) } }),
  // Publishes the changes under `conditions`: message, max_changed, canary.
  publish: (conditions) => call("POST", "/v1/publish", { value: { changes: draft.all().map(document), ...(base === null ? {} : { base }), ...conditions } }),

  // What the gateway says about a change that is being written, together with the others: {ok, own, others}. `own` are
  // diagnostics of its value with pointers into it, and `others` the rest. A new object must not replace another one.
  async check(change) {
    const list = [...draft.all().filter((one) => titleOfObject(one.kind, one.name) !== titleOfObject(change.kind, change.name)), change];
    const answer = await call("POST", "/v1/plan", { value: { changes: list.map(document) } });
    const prefix = `/changes/${list.length - 1}/put/value`;
    const all = answer.told?.diagnostics ?? [];
    const replaced = change.isNew && (answer.told?.diff?.objects ?? []).some((one) => one.kind === change.kind && one.name === change.name && one.change !== "added");
    if (replaced) all.push({ severity: "error", path: `${prefix}/name`, message: `there is an object ${titleOfObject(change.kind, change.name)} already` });
    const isOwn = (one) => one.path === prefix || one.path.startsWith(`${prefix}/`);
    return { ok: answer.ok, own: all.filter(isOwn).map((one) => ({ ...one, pointer: one.path.slice(prefix.length) })), others: all.filter((one) => !isOwn(one)) };
  },

  // Calls `listener()` after each change of the draft, until the returned function is called.
  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

// The browser asks before changes are lost.
window.addEventListener("beforeunload", (event) => {
  if (changes.size > 0) event.preventDefault();
});
