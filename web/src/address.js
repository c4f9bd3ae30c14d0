// The address of the page contains what is shown: the view, the names of the route, upstream, target or consumer, and
// how the tables are filtered and sorted, as in #route/get-order?refused-requests.sort=-time
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // malformed, because a user has typed the address
  }
}

// The parts of the present address: {view, names, query}.
export function here() {
  const [path, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const [view, ...names] = path.split("/").map(decode);
  return { view, names, query: new URLSearchParams(query) };
}

// An address within the page. Entries of `query` without a value are left out.
export function link(view, names = [], query = {}) {
  const path = [view, ...names].map(encodeURIComponent).join("/");
  const entries = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const text = new URLSearchParams(entries.filter(([, value]) => value !== null && value !== undefined && value !== "")).toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

// Changes entries of the address without leaving the view; an entry with the value null or "" is removed. A reload, a
// bookmark or another user with the same address then shows the same.
export function remember(changes) {
  const { view, names, query } = here();
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(key);
    else query.set(key, value);
  }
  history.replaceState(null, "", link(view || "overview", names, query));
}
