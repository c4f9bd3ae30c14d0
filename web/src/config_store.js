// The configuration in force, fetched once for each version of it, and what views look up in it.
import { get } from "./session.js";

// What there is before the first has come.
export const NOTHING = { routes: [], upstreams: [], consumers: [], listeners: [], policies: [] };

let version = null, config = NOTHING, asking = null;

// Fetches the configuration of that version, if it is another one, and says when it has come.
export function followConfig(wanted, arrived) {
  if (wanted === version || asking) return;
  asking = get("/api/config").then((told) => {
    config = told;
    version = wanted;
    arrived();
  }).catch(() => {}).finally(() => { // it is asked for again in a second
    asking = null;
  });
}

// The latest that has come.
export const currentConfig = () => config;

export function placeOf(route) {
  return `${route.hosts.length > 0 ? route.hosts.join(", ") : "any host"}${route.path_kind === "regex" ? ` ${route.path}` : ""}`;
}

export function pathOf(route) {
  return route.path_kind === "prefix" ? `${route.path.replace(/\/$/, "")}/…` : route.path;
}

export function upstreamsOf(route) {
  return route.split.length > 0 ? [...new Set(route.split.map((branch) => branch.upstream))] : [route.upstream].filter(Boolean);
}

// Where a policy of a route is written: "gateway.yaml:28"; the route's own come before those of every route.
export function placeOfPolicy(route, policy) {
  const its = config.routes.find((one) => one.name === route)?.policies ?? [];
  return [...its, ...config.policies].filter((one) => one.name === policy).map((one) => one.place).join(" or ");
}
