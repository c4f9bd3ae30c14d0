// The view of the configuration in force: the routes as a tree of hosts and paths, and the other parts.
import { reloadConfiguration } from "./actions.js";
import { here, link, remember } from "./address.js";
import { currentConfig, NOTHING, placeOfUse } from "./config_store.js";
import { h, number } from "./dom.js";
import { page, routeLink, upstreamLink } from "./panels.js";
import { Table } from "./table.js";

// Makes a tree of the routes. A node is {children: Map of segment -> node, routes: []}.
function treeOf(routes) {
  const hosts = new Map();
  for (const route of routes) {
    for (const host of route.hosts.length > 0 ? route.hosts : ["any host"]) {
      if (!hosts.has(host)) hosts.set(host, { children: new Map(), routes: [] });
      let node = hosts.get(host);
      const segments = route.path_kind === "regex" ? [route.path] : route.path.split("/").filter(Boolean).map((one) => `/${one}`);
      for (const segment of segments) {
        if (!node.children.has(segment)) node.children.set(segment, { children: new Map(), routes: [] });
        node = node.children.get(segment);
      }
      node.routes.push(route);
    }
  }
  return hosts;
}

function routeLine(route) {
  const conditions = [...route.methods, ...route.headers, ...route.query.map((one) => `?${one}`),
    ...route.listeners.map((one) => `listener ${one}`)];
  const to = route.split.length > 0
    ? route.split.map((branch) => `${branch.name} (${number(branch.weight)}${branch.when ? `, when ${branch.when}` : ""})`).join(", ")
    : route.upstream ? upstreamLink(route.upstream) : "a policy answers";
  return h("div", { class: "route" },
    h("strong", {}, routeLink(route.name)),
    route.path_kind === "prefix" ? h("span", { class: "tag" }, "and below") : null,
    conditions.map((one) => h("span", { class: "tag" }, one)),
    route.policies.map((one) => h("span", { class: "tag policy", title: placeOfUse(one) }, one.name)),
    route.rewrite ? h("span", { class: "tag" }, `rewritten, ${route.rewrite}`) : null,
    h("span", { class: "arrow", "aria-label": "goes to" }, "→"), h("span", {}, to),
    h("code", { class: "place" }, route.place));
}

// The element of a node. A chain of segments without branches is shown as one line.
function branch(name, node) {
  while (node.routes.length === 0 && node.children.size === 1) {
    const [[segment, only]] = node.children;
    name += segment;
    node = only;
  }
  return h("li", {}, h("details", { open: true }, h("summary", {}, h("code", {}, name)),
    node.routes.map(routeLine),
    node.children.size > 0 ? h("ul", {}, [...node.children].sort().map(([segment, child]) => branch(segment, child))) : null));
}

export function configuration() {
  const tree = h("ul", { class: "tree" });
  const filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter the route tree", spellcheck: "false", oninput: () => {
    remember({ "tree.filter": filter.value });
    draw();
  } });
  const everywhere = h("p", { class: "facts" });
  const listeners = new Table({ caption: "Listeners", id: (row) => row.name, filter: false, columns: [
    { key: "name", label: "Listener", value: (row) => row.name }, { key: "address", label: "Address", value: (row) => row.address },
    { key: "tls", label: "TLS", value: (row) => (row.tls ? "yes" : "no") }, { key: "place", label: "Where", value: (row) => row.place }] });
  const upstreams = new Table({ caption: "Configured upstreams", id: (row) => row.name, empty: "The configuration has no upstreams.", href: (row) => link("upstream", [row.name]), columns: [
    { key: "name", label: "Upstream", value: (row) => row.name }, { key: "balance", label: "Balance", value: (row) => row.balance },
    { key: "protocol", label: "Protocol", value: (row) => row.protocol + (row.tls ? ", TLS" : "") },
    { key: "targets", label: "Targets", value: (row) => row.targets.map((one) => one.address + (one.weight === 1 ? "" : ` ×${one.weight}`)).join(", ") + (row.discover ?? "") },
    { key: "place", label: "Where", value: (row) => row.place }] });
  const consumers = new Table({ caption: "Consumers", id: (row) => row.name, empty: "The configuration has no consumers.", href: (row) => link("consumer", [row.name]), columns: [
    { key: "name", label: "Consumer", value: (row) => row.name }, { key: "groups", label: "Groups", value: (row) => row.groups.join(", ") },
    { key: "plan", label: "Plan", value: (row) => row.plan }] });
  let config = null;

  function draw() {
    if (!config) return;
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const routes = config.routes.filter((route) => {
      const text = JSON.stringify(route).toLowerCase();
      return words.every((word) => text.includes(word));
    });
    tree.replaceChildren(...[...treeOf(routes)].sort().map(([host, node]) =>
      h("li", {}, h("details", { open: true }, h("summary", {}, h("code", {}, host)), node.routes.map(routeLine),
        h("ul", {}, [...node.children].sort().map(([segment, child]) => branch(segment, child)))))));
  }

  // The view is drawn anew only when the configuration has changed.
  function show(live) {
    const told = currentConfig();
    if (told === config || told === NOTHING) return;
    config = told;
    everywhere.textContent = `Revision ${number(live.revision)}. ` + (config.policies.length === 0 ? "No policy runs on every route."
      : `On every route: ${config.policies.map((one) => one.name).join(", ")}.`);
    listeners.update(config.listeners);
    upstreams.update(config.upstreams);
    consumers.update(config.consumers);
    draw();
  }
  const routes = h("section", { class: "panel" },
    h("div", { class: "panel-head" }, h("h2", {}, "Routes by host and path"), filter, reloadConfiguration()), everywhere, tree);
  return page({ title: "Configuration", parts: [routes, listeners, upstreams, consumers], show, attach() {
    filter.value = here().query.get("tree.filter") ?? "";
    draw();
  } });
}
