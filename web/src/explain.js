// The view that explains how a request would be handled. The question is a curl line, as copied from a terminal or from
// the tools of a browser.
import { placeOfUse } from "./config_store.js";
import { h, percent } from "./dom.js";

const OUTCOMES = { matched: "A route matches the request", no_route: "No route matches the request", method_not_allowed: "No route for this path allows the method",
  not_routed: "The request does not reach the routes" };
const DECISIONS = { continues: "passes", refuses: "refuses", answers: "answers", not_reached: "not reached", not_known: "not known" };
// Fields that differ between responses and are of no interest here.
const USUAL_FIELD = /^(date|x-request-id|content-length|connection):/;

function policyOf(policy) {
  const passed = policy.outcome === "continues", reached = policy.outcome !== "not_reached";
  const words = DECISIONS[policy.outcome] ?? policy.outcome;
  const more = [policy.status, policy.reason?.replaceAll("_", " ")].filter(Boolean).join(", ");
  return h("li", { class: reached ? null : "muted" }, h("strong", {}, policy.name), " ",
    h("span", { class: `state ${!reached ? "" : passed || policy.outcome === "answers" ? "good" : "bad"}` }, words + (more ? ` (${more})` : "")), " ",
    h("code", { class: "place" }, placeOfUse(policy)),
    policy.notes.length > 0 ? h("ul", {}, policy.notes.map((note) => h("li", {}, note))) : null);
}

// A sentence about the response that the client would get.
function sentenceOf(told) {
  const answer = told.answer, by = answer.policy ?? "the gateway";
  if (answer.verdict === "not_known") return `Not known: ${by} cannot decide in an explanation`;
  if (answer.by === "upstream") return `Served by ${told.upstream ? `the upstream ${told.upstream}` : "one of the branches, by weight"}`;
  if (answer.status === undefined) return `None: the TLS handshake fails, because ${answer.detail}`;
  const reason = answer.reason.replaceAll("_", " ");
  return `${answer.status}, ${answer.verdict === "served" ? "answered" : "refused"} by ${answer.by === "cache" ? "the cache" : by} (${reason})`;
}

function answerOf(told) {
  const shown = (told.answer.headers ?? []).filter((field) => !USUAL_FIELD.test(field));
  const facts = [["Answer", h("strong", { class: `state ${told.answer.verdict === "served" ? "good" : "bad"}` }, sentenceOf(told))]];
  if (shown.length > 0) facts.push(["Header fields", h("ul", {}, shown.map((field) => h("li", {}, h("code", {}, field))))]);
  if (told.answer.body) facts.push(["Body", h("code", {}, told.answer.body)]);
  facts.push(["Request", `${told.method} ${told.host ?? ""}${told.path || told.url}`],
    ["From", `${told.client}${told.listener ? `, to the listener ${told.listener}` : ""}`],
    ["Outcome", OUTCOMES[told.outcome] ?? told.outcome]);
  if (told.assumed.length > 0) facts.push(["Assumed", told.assumed.join("; ")]);
  if (told.allow) facts.push(["Allowed methods", told.allow]);
  if (told.route) facts.push(["Route", told.route]);
  if (told.upstream) facts.push(["Upstream", told.upstream]);
  if (told.target_path && told.upstream) facts.push(["Path for the target", told.target_path]);
  if (told.targets?.length > 0) facts.push(["Targets", told.targets.join(", ")]);
  return h("div", {},
    h("dl", { class: "answer" }, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    told.policies.length > 0 ? [h("h3", {}, "Policies, in order"), h("ol", { class: "policies" }, told.policies.map(policyOf))] : null,
    told.branches?.length > 0 ? [h("h3", {}, "Branches"), h("ul", {}, told.branches.map((branch) =>
      h("li", {}, `${branch.name}: ${percent(branch.share)} to ${branch.upstream}${branch.chosen ? `; chosen, ${branch.why}` : ""}`)))] : null,
    told.others.length > 0 ? h("details", {}, h("summary", {}, `Why not another route (${told.others.length})`),
      h("ul", {}, told.others.map((other) => h("li", {}, h("strong", {}, other.route), ": ", other.reason)))) : null);
}

export function explain(post) {
  const line = h("textarea", { id: "curl-line", rows: "4", spellcheck: "false", autocomplete: "off", required: true,
    placeholder: "curl -H 'x-api-key: …' https://api.example.com/v1/orders/7" });
  const client = h("input", { id: "client-address", type: "text", placeholder: "127.0.0.1", spellcheck: "false", autocomplete: "off" });
  const answer = h("div", { class: "panel-body", "aria-live": "polite" });
  const result = h("section", { class: "panel", hidden: true, "aria-label": "Explanation" }, answer);
  async function ask(event) {
    event.preventDefault();
    const told = await post("/v1/explain", { curl: line.value, client: client.value });
    result.hidden = false;
    answer.replaceChildren(told.error ? h("p", { class: "error" }, told.error) : answerOf(told));
  }
  line.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(event);
  });
  return {
    element: h("div", {}, h("h1", { class: "visually-hidden" }, "Explain"),
      h("section", { class: "panel" }, h("div", { class: "panel-head" }, h("h2", {}, "Explain a request")),
        h("form", { class: "panel-body", onsubmit: ask },
          h("label", { for: "curl-line" }, "A curl line"), line,
          h("label", { for: "client-address" }, "The client's address"), client,
          h("div", {}, h("button", { type: "submit", class: "primary" }, "Explain")),
          h("p", { class: "hint" }, "The gateway asks no target, and charges, stores and counts nothing. It does ask services that decide, such as the service of forward_auth. Ctrl+Enter starts the explanation."))), result),
    show() {}, attach() {}, detach() {},
  };
}
