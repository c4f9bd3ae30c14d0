// The actions that change the gateway. An action has a button, which is visible only with the right to change the
// gateway, and a dialog that asks for confirmation. The result is shown afterwards.
import { h, setText } from "./dom.js";
import { askForToken } from "./session.js";

const notices = document.getElementById("notices");
const SHOWN = 12_000; // milliseconds for which a result is shown

export function notify(text, bad = false) {
  const close = h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", onclick: () => notice.remove() }, "×");
  const notice = h("div", { class: bad ? "notice-box bad" : "notice-box" }, h("span", {}, text), close);
  notices.append(notice);
  if (!bad) setTimeout(() => notice.remove(), SHOWN);
}

// Asks for confirmation in a dialog; true when the user has confirmed. `fields` are shown above the buttons.
export function confirmed({ title, text, verb, fields = [] }) {
  return new Promise((resolve) => {
    const finish = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const yes = h("button", { type: "button", class: "primary", onclick: () => finish(true) }, verb);
    const dialog = h("dialog", { "aria-labelledby": "confirm-title", oncancel: (event) => {
      event.preventDefault();
      finish(false);
    } },
    h("h2", { id: "confirm-title" }, title), h("p", {}, text), fields,
    h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => finish(false) }, "Cancel"), yes));
    document.body.append(dialog);
    dialog.showModal();
    yes.focus();
  });
}

// Sends a confirmed action, with a body when it has one; `done(answers)` gets what each node has answered, and returns
// the text of the result.
export async function perform(path, done, body) {
  const sent = body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, { method: "POST", ...sent }).catch(() => null);
  if (!response) {
    notify("The gateway does not answer, so it is not known whether the action took place.", true);
    return false;
  }
  if (response.status === 401) askForToken();
  if (response.ok) {
    notify(done(Object.values((await response.json()).nodes)));
  } else {
    const told = await response.json().catch(() => null);
    const reports = Object.values(told?.nodes ?? {}).map((its) => its.report).join("\n").trim();
    notify(reports || (told?.detail ?? `The gateway answered ${response.status}.`), true);
  }
  return response.ok;
}

// A button for an action. `ask()` returns {title, text, verb, path, done}, and body when the action has one.
export function actionButton(label, ask) {
  return h("button", { type: "button", class: "action", onclick: async () => {
    const action = ask();
    if (await confirmed(action)) await perform(action.path, action.done, action.body);
  } }, label);
}

const pathOf = (upstream, address, verb) => `/v1/upstreams/${encodeURIComponent(upstream)}/targets/${encodeURIComponent(address)}/${verb}`;

export const resumeTarget = (upstream, address) => actionButton("Resume", () => ({
  title: `Resume ${address}?`, verb: "Resume", path: pathOf(upstream, address, "resume"),
  text: `The target was ejected because its requests failed. It gets requests of ${upstream} again at once; when they fail again, the target is ejected again.`,
  done: () => `${address} gets requests again.` }));

export const undrainTarget = (upstream, address) => actionButton("Bring back", () => ({
  title: `Bring ${address} back?`, verb: "Bring back", path: pathOf(upstream, address, "undrain"),
  text: `The target gets requests of ${upstream} again.`, done: () => `${address} gets requests again.` }));

// `others` is the number of other targets of the upstream that are available.
export const drainTarget = (upstream, address, others) => actionButton("Drain", () => ({
  title: `Drain ${address}?`, verb: "Drain", path: pathOf(upstream, address, "drain"),
  text: `The target gets no new requests of ${upstream}; requests in progress are completed. The target stays drained until it is brought back or the gateway is restarted.` +
    (others() === 0 ? ` No other target of ${upstream} is available: the gateway will answer its requests with 503.` : ""),
  done: () => `${address} is drained.` }));

export const resumeBranch = (route, branch) => actionButton("Resume", () => ({
  title: `Resume branch ${branch}?`, verb: "Resume",
  path: `/v1/splits/${encodeURIComponent(route)}/resume`, body: { branch },
  text: `The branch was rolled back because its requests failed. It gets its share of the requests of ${route} again.`, done: () => `Branch ${branch} gets requests again.` }));

export const reloadConfiguration = () => actionButton("Reload", () => ({
  title: "Reload the configuration?", verb: "Reload", path: "/v1/reload",
  text: "The gateway reads the files of the configuration again. When they have errors, the gateway shows the errors and keeps its present configuration.", done: (answers) => answers.map((its) => its.report).join("\n").trim() || "Reloaded." }));

// Purges stored responses. The user chooses in the dialog which responses are purged.
export function purgeCache() {
  const what = h("select", { id: "purge-what", onchange: () => show() },
    [["all", "Everything"], ["uri", "One address"], ["prefix", "Everything below an address"], ["tag", "A tag"]].map(([value, label]) => h("option", { value }, label)));
  const text = h("input", { id: "purge-text", type: "text", spellcheck: "false", autocomplete: "off" });
  const label = h("label", { for: "purge-text" });
  const expire = h("input", { id: "purge-expire", type: "checkbox" });
  function show() {
    const hint = { all: "", uri: "Address, such as https://host/path", prefix: "Beginning of the address", tag: "Tag" }[what.value];
    setText(label, hint);
    label.hidden = text.hidden = hint === "";
  }
  return h("button", { type: "button", class: "action", onclick: async () => {
    show();
    const sure = await confirmed({ title: "Purge the cache?", verb: "Purge",
      text: "The gateway asks the targets for purged responses again, so the load of the targets grows for a while.",
      fields: [h("div", { class: "fields" }, h("label", { for: "purge-what" }, "What"), what, label, text,
        h("div", {}, expire, h("label", { for: "purge-expire" }, " Keep the responses, but as stale")))] });
    if (!sure) return;
    const query = what.value === "all" ? "all" : `${what.value}=${encodeURIComponent(text.value)}`;
    await perform(`/v1/cache/purge?${query}${expire.checked ? "&expire" : ""}`,
      (answers) => `${answers.reduce((sum, its) => sum + its.purged, 0)} responses were purged.`);
  } }, "Purge");
}
