// The form that publishes a draft: why, within which bound, and whether a canary serves first.
import { h, oneAtATime } from "../dom.js";
import { titleOfObject } from "./kinds.js";
import { diagnosticsOf, rehearsalOf } from "./plan.js";

function inputField(id, label, more = {}) {
  const input = h("input", { id, type: "text", spellcheck: "false", autocomplete: "off", ...more });
  return { input, element: h("div", {}, h("label", { for: id }, label), input) };
}

// The fields of a canary: {element, value()}. All nodes serve a share of the requests, or they serve it one after the other.
function canaryFields() {
  const share = inputField("canary-share", "Share of the requests", { value: "5%", required: true });
  const by = inputField("canary-by", "Requests that belong together", { value: "client", list: "canary-keys" });
  const nodes = inputField("canary-nodes", "Nodes in each step", { value: "1", required: true, inputmode: "numeric", pattern: "[1-9][0-9]*" });
  const time = inputField("canary-for", "For", { value: "5m", required: true });
  const errors = inputField("canary-errors", "Withdraw above this share of errors", { value: "5%" });
  const min = inputField("canary-min", "But not before this many requests", { value: "50", inputmode: "numeric", pattern: "[0-9]+" });
  const promote = h("input", { id: "canary-promote", type: "checkbox" });
  const byNodes = h("input", { id: "canary-by-nodes", type: "checkbox", onchange: () => {
    choose();
    promote.checked = byNodes.checked;
  } });
  function choose() {
    for (const one of [share, by, nodes]) {
      const serves = (one === nodes) === byNodes.checked;
      one.element.hidden = one.input.disabled = !serves;
    }
  }
  choose();
  const element = h("fieldset", { class: "group filters", hidden: true, disabled: true }, h("legend", {}, "Canary"),
    h("div", {}, byNodes, h("label", { for: "canary-by-nodes" }, " Node by node, each with all of its requests")),
    [share, by, nodes, time, errors, min].map((one) => one.element), h("div", {}, promote, h("label", { for: "canary-promote" }, " Promote at the end")),
    h("datalist", { id: "canary-keys" }, ["client", "consumer", "{request.header.x-user}"].map((value) => h("option", { value }))));
  return { element, value: () => ({ ...(byNodes.checked ? { nodes: Number(nodes.input.value) } : { share: share.input.value, by: by.input.value }),
    for: time.input.value, promote: promote.checked, withdraw_when: { errors_above: errors.input.value, min_requests: Number(min.input.value) } }) };
}

// What the gateway has answered to a publication that it has refused.
function refusalOf(told) {
  return h("section", { class: "panel-body", "aria-label": "Not published" },
    h("p", { class: "error" }, `Not published: ${told.detail}`),
    told.diagnostics.length > 0 ? diagnosticsOf(told.diagnostics) : null,
    Array.isArray(told.objects) ? h("p", {}, `Decide under “Conflicts” what becomes of ${told.objects.map((one) => titleOfObject(one.kind, one.name)).join(", ")}.`) : null,
    told.referred_by ? h("p", {}, "Used by ", told.referred_by.map((one) => titleOfObject(one.kind, one.name)).join(", "), ".") : null,
    told.rehearsal ? rehearsalOf(told.rehearsal) : null);
}

export class PublishForm {
  // publish(conditions) publishes under `conditions`: message, max_changed, canary; it returns the answer of call().
  constructor(publish) {
    this.message = inputField("publish-message", "Why", { class: "wide", maxlength: "500" });
    this.bound = inputField("publish-bound", "At most so many recorded requests may change", { placeholder: "any number, or a share such as 10%" });
    this.canary = canaryFields();
    this.first = h("input", { id: "publish-canary", type: "checkbox", onchange: () => {
      this.canary.element.hidden = this.canary.element.disabled = !this.first.checked;
    } });
    const outcome = h("div", { role: "alert" });
    const form = h("form", { class: "panel-body", onsubmit: oneAtATime(async () => {
      outcome.replaceChildren();
      const { ok, told } = await publish(this.conditions());
      if (!ok) outcome.replaceChildren(refusalOf(told));
    }) }, this.message.element, this.bound.element, h("div", {}, this.first, h("label", { for: "publish-canary" }, " Serve a part of the requests first")),
    this.canary.element, h("div", {}, h("button", { type: "submit", class: "primary" }, "Publish")));
    this.element = h("section", { class: "panel writing", "aria-label": "Publish" }, h("div", { class: "panel-head" }, h("h2", {}, "Publish")), form, outcome);
  }

  conditions() {
    const out = { message: this.message.input.value.trim() };
    const limit = this.bound.input.value.trim();
    if (limit) out.max_changed = /^\d+$/.test(limit) ? Number(limit) : limit;
    if (this.first.checked) out.canary = this.canary.value();
    return out;
  }
}
