// The configuration in force, which is fetched once for each version, and functions by which views look up its parts.
import { get } from "./session.js";

// An empty configuration, used until the first one has been fetched.
export const NOTHING = { routes: [], upstreams: [], consumers: [], listeners: [], policies: [] };

let version = null, config = NOTHING, asking = null;

// Fetches the configuration when `wanted` differs from the present version, and calls `arrived` afterwards.
export function followConfig(wanted, arrived) {
  if (wanted === version || asking) return;
  asking = get("/v1/overview").then((told) => {
    config = told;
    version = wanted;
    arrived();
  }).catch(() => {}).finally(() => { // the next live data, a second later, cause another fetch
    asking = null;
  });
}

// The latest configuration that has been fetched.
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

// Where a policy is written: "gateway.yaml:28", with the policy set that it is in.
export const placeOfUse = (one) => (one.policy_set ? `policy set ${one.policy_set}, ${one.place}` : one.place);

// The place of a policy of a route. The route's own policies come before those of all routes.
export function placeOfPolicy(route, policy) {
  const its = config.routes.find((one) => one.name === route)?.policies ?? [];
  return [...its, ...config.policies].filter((one) => one.name === policy).map(placeOfUse).join(" or ");
}
