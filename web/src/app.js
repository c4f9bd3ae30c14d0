// The dashboard: one page, whose views follow what the gateway tells each second.
import { recolourCharts } from "./charts.js";
import { configuration } from "./configuration.js";
import { duration, h, setText } from "./dom.js";
import { explain } from "./explain.js";
import { overview } from "./overview.js";
import { cache, limits, requests, routes, upstreams } from "./tables.js";

const MAX_HISTORY = 600; // seconds
const VIEWS = [
  ["overview", "Overview", overview], ["routes", "Routes", routes], ["upstreams", "Upstreams", upstreams],
  ["requests", "Requests", requests], ["limits", "Limits", limits], ["cache", "Cache", cache],
  ["configuration", "Configuration", () => configuration(get)], ["explain", "Explain", () => explain(post)]];

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const footer = document.getElementById("footer");
const made = new Map();
let current = null, live = null, history = [], source = null;

async function get(path) {
  const response = await fetch(path);
  if (response.status === 401) askForToken();
  return response.json();
}

async function post(path, body) {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (response.status === 401) {
    askForToken();
    return { error: "Log in first." };
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { error: text || `The gateway answered ${response.status}.` };
  }
}

const nav = document.getElementById("views");
for (const [name, label] of VIEWS) nav.append(h("a", { href: `#${name}`, "data-view": name }, label));

function show() {
  if (current && live) current.show(live, history);
}

function navigate() {
  const name = location.hash.slice(1);
  const [known, label, make] = VIEWS.find(([one]) => one === name) ?? VIEWS[0];
  for (const link of nav.children) {
    if (link.dataset.view === known) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${label} – Portcullis`;
  if (!made.has(known)) made.set(known, make());
  const next = made.get(known);
  if (next === current && main.contains(next.element)) return;
  current?.detach();
  current = next;
  main.replaceChildren(next.element);
  next.attach();
  show();
}

function tell(state, text) {
  connection.dataset.state = state;
  setText(connection, text);
}

function follow() {
  source?.close();
  source = new EventSource("/api/live");
  tell("waiting", "connecting");
  source.addEventListener("history", (event) => {
    history = JSON.parse(event.data);
  });
  source.addEventListener("live", (event) => {
    live = JSON.parse(event.data);
    if (live.now && live.now[0] !== history.at(-1)?.[0]) history.push(live.now);
    if (history.length > MAX_HISTORY) history.splice(0, history.length - MAX_HISTORY);
    tell("live", "live");
    setText(footer, `Portcullis ${live.version}, configuration ${live.configuration}, up for ${duration(live.at / 1000 - live.runtime.started)}`);
    show();
  });
  source.addEventListener("error", async () => {
    tell("waiting", "reconnecting");
    if (source.readyState !== EventSource.CLOSED) return;
    // Refused, or gone for good: which of both, an event source does not say.
    const response = await fetch("/api/history").catch(() => null);
    if (response?.status === 401) askForToken();
    else setTimeout(follow, 2000);
  });
}

function askForToken() {
  if (document.getElementById("login")) return;
  source?.close();
  tell("waiting", "not logged in");
  const token = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true });
  const wrong = h("p", { class: "error", role: "alert" });
  const form = h("form", { onsubmit: async (event) => {
    event.preventDefault();
    const response = await fetch("/login", { method: "POST", body: token.value });
    if (!response.ok) {
      setText(wrong, response.status === 401 ? "There is no such token." : await response.text());
      return;
    }
    dialog.close();
    dialog.remove();
    document.getElementById("logout").hidden = false;
    follow();
  } },
  h("h2", { id: "login-title" }, "Log in"), h("label", { for: "token" }, "Token"), token, wrong,
  h("button", { type: "submit", class: "primary" }, "Log in"));
  const dialog = h("dialog", { id: "login", "aria-labelledby": "login-title", oncancel: (event) => event.preventDefault() }, form);
  document.body.append(dialog);
  dialog.showModal();
}

document.getElementById("logout").addEventListener("click", async () => {
  await fetch("/logout", { method: "POST" });
  location.reload();
});

// As the system has it, or always light or dark.
const themes = ["system", "light", "dark"];
const button = document.getElementById("theme");
function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
  const name = { system: "Auto", light: "Light", dark: "Dark" }[theme];
  setText(button, name);
  button.setAttribute("aria-label", `Colours: ${name}`);
  recolourCharts();
}
button.addEventListener("click", () => setTheme(themes[(themes.indexOf(localStorage.getItem("theme") ?? "system") + 1) % 3]));
setTheme(themes.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "system");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolourCharts);

window.addEventListener("hashchange", () => {
  navigate();
  main.focus({ preventScroll: true });
});
navigate();
follow();
