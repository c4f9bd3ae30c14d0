// The dashboard: one page, whose views show the data that the gateway sends each second.
import { here, link } from "./address.js";
import { cache } from "./cache.js";
import { changes } from "./changes/changes.js";
import { draft } from "./changes/draft.js";
import { history as revisions, revision } from "./changes/history.js";
import { nodes } from "./changes/nodes.js";
import { object } from "./changes/object.js";
import { objects } from "./changes/objects.js";
import { recolourCharts } from "./charts.js";
import { followConfig } from "./config_store.js";
import { configuration } from "./configuration.js";
import { Connection } from "./connection.js";
import { consumer, consumers } from "./consumers.js";
import { duration, h, setText } from "./dom.js";
import { followEvents } from "./events.js";
import { explain } from "./explain.js";
import { limits } from "./limits.js";
import { overview } from "./overview.js";
import { paused, pauseButton } from "./pause.js";
import { requests } from "./requests.js";
import { route, routes } from "./routes.js";
import { askForToken, loadSession, post, session } from "./session.js";
import { target, upstream, upstreams } from "./upstreams.js";

const MAX_HISTORY = 600; // seconds of history that are kept
const VIEWS = [
  ["overview", "Overview", overview], ["routes", "Routes", routes], ["upstreams", "Upstreams", upstreams], ["consumers", "Consumers", consumers],
  ["requests", "Requests", requests], ["limits", "Limits", limits], ["cache", "Cache", cache],
  ["configuration", "Configuration", configuration], ["explain", "Explain", () => explain(post)],
  ["objects", "Objects", objects], ["changes", "Changes", changes], ["history", "History", revisions], ["nodes", "Nodes", nodes]];
// The pages of single things: the function that makes the page, the view that it belongs to, and the number of names in
// its address.
const PAGES = { route: [route, "routes", 1], upstream: [upstream, "upstreams", 1], target: [target, "upstreams", 2], consumer: [consumer, "consumers", 1],
  object: [object, "objects", 2], new: [object, "objects", 1], revision: [revision, "history", 1],
  draft: [draft, "changes", 1] };

const main = document.getElementById("main");
const footer = document.getElementById("footer");
const made = new Map(); // views by key; a page is made when it is first opened
let current = null, live = null, history = [];

const nav = document.getElementById("views");
for (const [name, label] of VIEWS) nav.append(h("a", { href: link(name), "data-view": name }, label));

function show() {
  if (current && live && !paused()) current.show(live, history);
}

// The view or page of the address: {view, key, title, make}.
function wanted() {
  const { view, names } = here();
  const page = PAGES[view];
  if (page && names.length === page[2])
    return { view: page[1], key: link(view, names), title: names.at(-1) || "no route", make: () => page[0](names) };
  const [name, label, make] = VIEWS.find(([one]) => one === view) ?? VIEWS[0];
  return { view: name, key: name, title: label, make: () => {
    if (!made.has(name)) made.set(name, make());
    return made.get(name);
  } };
}

let shown = null; // the key of the view that is shown

function navigate() {
  const next = wanted();
  for (const one of nav.children) {
    if (one.dataset.view === next.view) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  document.title = `${next.title} – Portcullis`;
  current?.detach();
  if (next.key !== shown) {
    current = next.make();
    shown = next.key;
    main.replaceChildren(current.element);
  }
  current.attach();
  // A page that is opened while the dashboard is paused shows the latest data.
  if (live) current.show(live, history);
}

const connection = new Connection({
  greeted: () => {
    loadSession();
    followEvents();
  },
  history: (rows) => {
    history = rows;
  },
  live: (told) => {
    live = told;
    if (live.now && live.now[0] !== history.at(-1)?.[0]) history.push(live.now);
    if (history.length > MAX_HISTORY) history.splice(0, history.length - MAX_HISTORY);
    followConfig(live.revision, show);
    setText(footer, `Portcullis ${live.version}, revision ${live.revision}, up for ${duration(live.at / 1000 - live.runtime.started)}`);
    show();
  },
  refused: () => askForToken(),
});
session.onLogin = () => connection.open();
pauseButton(show);

// The theme of the system, or always light or dark.
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

// The address has the view, so the link to the content must not change it.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

window.addEventListener("hashchange", () => {
  navigate();
  main.focus({ preventScroll: true });
});
navigate();
connection.open();
