// The form that publishes the draft: why, within which bound, and whether a canary serves first.
import { notify } from "../actions.js";
import { link } from "../address.js";
import { h } from "../dom.js";
import { conflictOf } from "./conflict.js";
import { draft } from "./draft.js";
import { titleOfObject } from "./kinds.js";
import { diagnosticsOf, rehearsalOf } from "./plan.js";

function inputField(id, label, more = {}) {
  const input = h("input", { id, type: "text", spellcheck: "false", autocomplete: "off", ...more });
  return { input, element: h("div", {}, h("label", { for: id }, label), input) };
}

// The fields of a canary: {element, value()}.
function canaryFields() {
  const share = inputField("canary-share", "Share of the requests", { value: "5%", required: true });
  const by = inputField("canary-by", "Requests that belong together", { value: "client", list: "canary-keys" });
  const time = inputField("canary-for", "For", { value: "5m", required: true });
  const errors = inputField("canary-errors", "Withdraw above this share of errors", { value: "5%" });
  const min = inputField("canary-min", "But not before this many requests", { value: "50", inputmode: "numeric", pattern: "[0-9]+" });
  const promote = h("input", { id: "canary-promote", type: "checkbox" });
  const element = h("fieldset", { class: "group filters", hidden: true, disabled: true }, h("legend", {}, "Canary"),
    [share, by, time, errors, min].map((one) => one.element), h("div", {}, promote, h("label", { for: "canary-promote" }, " Promote at the end of the time")),
    h("datalist", { id: "canary-keys" }, ["client", "consumer", "{request.header.x-user}"].map((value) => h("option", { value }))));
  return { element, value: () => ({ share: share.input.value, by: by.input.value, for: time.input.value, promote: promote.checked,
    withdraw_when: { errors_above: errors.input.value, min_requests: Number(min.input.value) } }) };
}

// What the gateway has answered to a publication that it has refused.
function refusalOf({ told, revision }) {
  return h("section", { class: "panel-body", "aria-label": "Not published" },
    h("p", { class: "error" }, `Not published: ${told.detail}`),
    told.diagnostics.length > 0 ? diagnosticsOf(told.diagnostics, draft.all()) : null,
    Array.isArray(told.objects) ? conflictOf(told.objects, revision) : null,
    told.referred_by ? h("p", {}, "Used by ", told.referred_by.map((one) => titleOfObject(one.kind, one.name)).join(", "), ".") : null,
    told.rehearsal ? rehearsalOf(told.rehearsal) : null);
}

export function publishForm() {
  const message = inputField("publish-message", "Why", { class: "wide", maxlength: "500" });
  const bound = inputField("publish-bound", "At most so many recorded requests may change", { placeholder: "any number, or a share such as 10%" });
  const canary = canaryFields();
  const first = h("input", { id: "publish-canary", type: "checkbox", onchange: () => {
    canary.element.hidden = canary.element.disabled = !first.checked;
  } });
  const outcome = h("div", { role: "alert" });
  const button = h("button", { type: "submit", class: "primary" }, "Publish");

  function conditions() {
    const out = { message: message.input.value.trim() };
    const limit = bound.input.value.trim();
    if (limit) out.max_changed = /^\d+$/.test(limit) ? Number(limit) : limit;
    if (first.checked) out.canary = canary.value();
    return out;
  }

  async function publish(event) {
    event.preventDefault();
    button.disabled = true;
    outcome.replaceChildren();
    const answer = await draft.publish(conditions());
    button.disabled = false;
    if (!answer.ok) {
      outcome.replaceChildren(refusalOf(answer));
      return;
    }
    const { revision: number, summary, canary: begun } = answer.told;
    notify(begun ? `Revision ${number} serves ${begun.share} of the requests.` : summary ? `Revision ${number} is in force: ${summary}.` : "Nothing has changed.");
    message.input.value = "";
    draft.discard();
    if (!begun) location.hash = link("history");
  }

  const form = h("form", { class: "panel-body", onsubmit: publish }, message.element, bound.element,
    h("div", {}, first, h("label", { for: "publish-canary" }, " Serve a share of the requests first")), canary.element, h("div", {}, button));
  return { element: h("section", { class: "panel publishing", "aria-label": "Publish" }, h("div", { class: "panel-head" }, h("h2", {}, "Publish")), form, outcome) };
}
