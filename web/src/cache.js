// The view of the cache: what is stored, and the share of requests that it answers.
import { purgeCache } from "./actions.js";
import { bytes, h, number, percent, rate } from "./dom.js";
import { column, figure, page, routeLink } from "./panels.js";
import { Table } from "./table.js";

function onDisk(disk) {
  if (!disk) return "";
  const lost = disk.lost ? ` ${number(disk.lost)} have been lost (metric portcullis_cache_disk_lost_total).` : "";
  return ` On disk, ${number(disk.entries)} bodies take ${bytes(disk.bytes)} of ${bytes(disk.limit)}; ` +
    `${number(disk.evictions)} have been removed to make room.${lost}`;
}

export function cache() {
  const facts = h("p", { class: "facts" });
  const table = new Table({ caption: "Cached routes", id: (row) => row.route, sort: { key: "rate", descending: true }, head: [purgeCache()],
    empty: "No route has a cache. Add the policy cache to a route whose responses are the same for all callers.", columns: [
      column("route", "Route", (name) => (name ? routeLink(name) : "every route")), figure("rate", "Per second", rate), figure("hit_ratio", "Hit ratio", percent),
      figure("hits", "From the cache", number), figure("misses", "From the upstream", number)] });
  return page({ title: "Cache", parts: [facts, table], show(live) {
    facts.textContent = `${number(live.cache.entries)} responses take ${bytes(live.cache.bytes)} of ${bytes(live.cache.limit)}; ` +
      `${number(live.cache.evictions)} have been removed to make room.` + onDisk(live.cache.disk);
    table.update(live.cache.routes);
  } });
}
