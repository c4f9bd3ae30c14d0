// The view of all revisions, and the page of one revision: what it is, how it differs, its tags, and going back to it.
import { call } from "../api.js";
import { confirmed, notify } from "../actions.js";
import { here, link, remember } from "../address.js";
import { dateAndTime, h, number, setText } from "../dom.js";
import { onEvent } from "../events.js";
import { Facts, page } from "../panels.js";
import { Table } from "../table.js";
import { unified } from "./differences.js";

const PAGE = 100;

export function history() {
  const table = new Table({ caption: "Revisions", id: (row) => row.number, sort: { key: "number", descending: true }, href: (row) => link("revision", [row.number]),
    empty: "There is no revision yet.", columns: [
      { key: "number", label: "Revision", number: true, value: (row) => row.number, format: (value) => number(value) },
      { key: "time", label: "Published", value: (row) => row.time, format: dateAndTime }, { key: "author", label: "By", value: (row) => row.author },
      { key: "message", label: "Why", value: (row) => row.message, format: (text) => h("span", { class: "long" }, text) }, { key: "summary", label: "What", value: (row) => row.summary },
      { key: "tags", label: "Tags", value: (row) => row.tags.join(", ") },
      { key: "state", label: "State", value: (row) => (row.number === inForce ? "in force" : ""), format: (text) => (text ? h("span", { class: "state good" }, text) : "") }] });
  const problem = h("p", { class: "error", role: "alert" });
  const more = h("button", { type: "button", hidden: true, onclick: () => load(true) }, "Show earlier revisions");
  let rows = [], next, inForce = null, stop = () => {};

  // Loads the newest revisions, or those before the ones that are shown.
  async function load(earlier) {
    const answer = await call("GET", `/v1/revisions?limit=${PAGE}${earlier ? `&after=${next}` : ""}`);
    setText(problem, answer.ok ? "" : answer.told.detail);
    if (!answer.ok) return;
    const known = new Map((earlier ? rows : []).map((one) => [one.number, one]));
    for (const one of answer.told.items) known.set(one.number, one);
    rows = [...known.values()];
    next = answer.told.next;
    more.hidden = next === undefined;
    table.update(rows);
  }

  return page({ title: "History", parts: [problem, table, h("p", { class: "buttons" }, more)],
    show(live) {
      if (live.revision === inForce) return;
      inForce = live.revision;
      load(false);
    },
    attach() {
      load(false);
      stop = onEvent(() => load(false));
    },
    detach() {
      stop();
    } });
}

async function restore(revision) {
  const message = h("input", { id: "restore-message", type: "text", autocomplete: "off", maxlength: "500" });
  const sure = await confirmed({ title: `Go back to revision ${revision}?`, verb: "Restore",
    text: "The objects of the API become those of this revision, as a new revision. Objects of files stay as they are.",
    fields: [h("div", { class: "fields" }, h("label", { for: "restore-message" }, "Why"), message)] });
  if (!sure) return;
  const { ok, told } = await call("POST", `/v1/revisions/${revision}/restore`, { message: message.value });
  notify(ok ? (told.summary ? `Revision ${told.revision} is in force: ${told.summary}.` : "Nothing has changed.")
    : [told.detail, ...told.diagnostics.map((one) => one.message).filter((text) => text !== told.detail)].join("\n"), !ok);
  if (ok) location.hash = link("history");
}

export function revision([text]) {
  const number_ = Number(text);
  const facts = new Facts("About the revision");
  const problem = h("p", { class: "error", role: "alert" });
  const other = h("input", { id: "compared-with", type: "text", inputmode: "numeric", pattern: "[0-9]+", required: true, autocomplete: "off" });
  const difference = h("div", { "aria-live": "polite" });
  const tag = h("input", { id: "new-tag", type: "text", required: true, pattern: "[A-Za-z0-9._\\-]{1,63}", autocomplete: "off", spellcheck: "false" });
  let stop = () => {};

  async function compare() {
    const answer = await call("GET", `/v1/revisions/${other.value}/diff/${number_}`, { accept: "text/x-diff" });
    difference.replaceChildren(!answer.ok ? h("p", { class: "error" }, answer.told.detail)
      : answer.told === "" ? h("p", { class: "empty" }, "The revisions have the same objects.")
      : unified(answer.told, `From revision ${other.value} to revision ${number_}`));
  }

  const removal = (name) => h("button", { type: "button", class: "quiet publishing", "aria-label": `Remove the tag ${name}`, onclick: async () => {
    const answer = await call("DELETE", `/v1/tags/${encodeURIComponent(name)}`);
    if (!answer.ok) notify(answer.told.detail, true);
    load();
  } }, "×");

  async function load() {
    const { ok, told } = await call("GET", `/v1/revisions/${encodeURIComponent(text)}`);
    setText(problem, ok ? "" : told.detail);
    if (!ok) return;
    facts.update([["Published", dateAndTime(told.time)], ["By", told.author], ["Why", told.message], ["What", told.summary || "nothing differs"],
      ["Made from", told.parent > 0 ? h("a", { href: link("revision", [told.parent]) }, `revision ${told.parent}`) : "nothing"],
      ["Tags", told.tags.length > 0 ? h("span", {}, told.tags.map((name) => h("span", { class: "tag" }, name, " ", removal(name)))) : null], ["Hash", h("code", {}, told.hash)]]);
    if (other.value !== "") return;
    other.value = here().query.get("with") ?? String(told.parent || told.number);
    compare();
  }

  const actions = h("form", { class: "buttons publishing", onsubmit: async (event) => {
    event.preventDefault();
    const answer = await call("POST", `/v1/revisions/${number_}/tag`, { value: { name: tag.value } });
    if (!answer.ok) notify(answer.told.detail, true);
    else tag.value = "";
    load();
  } }, h("button", { type: "button", class: "primary", onclick: () => restore(number_) }, "Restore"),
  h("label", { for: "new-tag" }, "Tag"), tag, h("button", { type: "submit" }, "Add the tag"));
  const compared = h("section", { class: "panel", "aria-label": "Differences" },
    h("form", { class: "panel-head", onsubmit: (event) => {
      event.preventDefault();
      remember({ with: other.value });
      compare();
    } }, h("h2", {}, "Differences"), h("label", { for: "compared-with" }, "from revision"), other, h("button", { type: "submit", class: "quiet" }, "Compare")),
    h("div", { class: "panel-body" }, difference));
  return page({ title: `Revision ${text}`, visible: true, parts: [problem, facts, actions, compared], show() {},
    attach() {
      load();
      stop = onEvent(load);
    },
    detach() {
      stop();
    } });
}
