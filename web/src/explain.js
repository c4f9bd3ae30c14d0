// What would become of a request: asked by a curl line, as terminals and browsers' tools have it.
import { h, percent } from "./dom.js";

const OUTCOMES = { matched: "A route takes it", no_route: "404: no route takes it", method_not_allowed: "405: no route takes this method here" };

function policyOf(policy) {
  const passed = policy.outcome === "continues", reached = policy.outcome !== "not_reached";
  const words = { continues: "passes", refuses: "refuses", answers: "answers", not_reached: "not reached" }[policy.outcome] ?? policy.outcome;
  const more = [policy.status, policy.reason?.replaceAll("_", " ")].filter(Boolean).join(", ");
  return h("li", { class: reached ? null : "muted" }, h("strong", {}, policy.name), " ",
    h("span", { class: `state ${!reached ? "" : passed || policy.outcome === "answers" ? "good" : "bad"}` }, words + (more ? ` (${more})` : "")), " ",
    h("code", { class: "place" }, policy.place),
    policy.notes.length > 0 ? h("ul", {}, policy.notes.map((note) => h("li", {}, note))) : null);
}

function outcomeOf(told) {
  const stops = told.policies.find((one) => one.outcome === "refuses" || one.outcome === "answers");
  return stops ? `${stops.name} ${stops.outcome}${stops.status ? `: ${stops.status}` : ""}` : OUTCOMES[told.outcome] ?? told.outcome;
}

function answerOf(told) {
  const facts = [["Request", `${told.method} ${told.host ?? ""}${told.path}`], ["Outcome", outcomeOf(told)]];
  if (told.allow) facts.push(["Allowed here", told.allow]);
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
    const told = await post("/api/explain", { curl: line.value, client: client.value });
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
          h("p", { class: "hint" }, "Nothing is sent: no target is asked, and no limit is charged. Ctrl+Enter explains."))), result),
    show() {}, attach() {}, detach() {},
  };
}
