// Shows the plan of a draft: what is wrong, what the assertions say, and what would happen to recorded requests.
import { h, number } from "../dom.js";
import { objectLink } from "./differences.js";

const panel = (title, ...children) => h("section", { class: "panel", "aria-label": title }, h("div", { class: "panel-head" }, h("h2", {}, title)), h("div", { class: "panel-body" }, ...children));

export function diagnosticsOf(diagnostics) {
  return h("ul", { class: "diagnostics" }, diagnostics.map((one) => h("li", {}, h("span", { class: `state ${one.severity === "error" ? "bad" : ""}` }, one.severity), " ",
    one.object ? [objectLink(one.object), ": "] : null, one.message)));
}

function assertionsOf(assertions) {
  return h("ul", {}, assertions.map((one) => h("li", {}, h("span", { class: `state ${one.outcome === "met" ? "good" : "bad"}` }, one.outcome), ` ${one.text}`,
    one.message ? `: ${one.message}` : null)));
}

function sideText(side) {
  const status = side.status ? ` with ${side.status}` : "", why = side.reason ? ` (${side.reason.replaceAll("_", " ")})` : "";
  const to = side.upstream ? ` to ${side.upstream}` : "";
  return `${side.outcome}${to}${status}${why}, ${side.route === null ? "no route" : `route ${side.route || "(none)"}`}`;
}

function groupRow(group) {
  return h("tr", {}, h("th", { scope: "row", class: "number" }, number(group.count)), h("td", {}, sideText(group.before)), h("td", {}, sideText(group.after)),
    h("td", {}, h("details", {}, h("summary", {}, group.examples[0]?.split("\n")[0] ?? "none"), group.examples.map((one) => h("pre", {}, one)))));
}

function table(label, heads, rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, heads.map((one) => h("th", { scope: "col", class: "plain" }, one)))), h("tbody", {}, rows)));
}

export function rehearsalOf(told) {
  const changed = told.replayed - told.unchanged;
  return [h("p", {}, h("strong", {}, `${number(changed)} of ${number(told.replayed)} recorded requests`), " would have another outcome."),
    told.groups.length > 0 ? table("Requests with another outcome", ["Requests", "Now", "After the change", "For example"], told.groups.map(groupRow)) : null,
    told.groups_left_out > 0 ? h("p", { class: "hint" }, `${number(told.groups_left_out)} more groups are not shown.`) : null,
    told.limits.length > 0 ? [h("h3", {}, "Requests over their limits"), table("Limits", ["Limit", "Policy", "Route", "Now", "After the change"], told.limits.map((one) =>
      h("tr", {}, h("th", { scope: "row" }, one.limit || "unnamed"), h("td", {}, one.policy), h("td", {}, one.route), h("td", { class: "number" }, number(one.before)),
        h("td", { class: "number" }, number(one.after)))))] : null,
    told.unused_routes.length > 0 ? h("p", {}, `No recorded request reaches ${told.unused_routes.length === 1 ? "the route" : "the routes"} ${told.unused_routes.join(", ")}.`) : null].flat().filter(Boolean);
}

// `told` is the answer to POST /v1/drafts/{draft}/plan.
export function planOf(told) {
  const errors = told.diagnostics.some((one) => one.severity === "error");
  return h("div", {},
    told.diagnostics.length > 0 ? panel("Diagnostics", diagnosticsOf(told.diagnostics)) : null,
    told.assertions.length > 0 ? panel("Assertions", assertionsOf(told.assertions)) : null,
    panel("Rehearsal", told.rehearsal ? rehearsalOf(told.rehearsal)
      : h("p", { class: "empty" }, errors ? "A draft with errors is not rehearsed." : "The recorder is off, so there are no requests to rehearse the draft on.")));
}
