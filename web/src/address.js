// The page's address says what is shown: the view, the names of what it is about, and how its tables are filtered and
// sorted. #route/get-order?refused-requests.sort=-time
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand
  }
}

// What the address says now: {view, names, query}.
export function here() {
  const [path, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const [view, ...names] = path.split("/").map(decode);
  return { view, names, query: new URLSearchParams(query) };
}

// An address within the page. `query`: entries; those without a value are left out.
export function link(view, names = [], query = {}) {
  const path = [view, ...names].map(encodeURIComponent).join("/");
  const entries = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const text = new URLSearchParams(entries.filter(([, value]) => value !== null && value !== undefined && value !== "")).toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

// Changes the address without leaving the view: a value of null or "" is taken out of it. A reload, a bookmark or a
// colleague who gets the address sees the same.
export function remember(changes) {
  const { view, names, query } = here();
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(key);
    else query.set(key, value);
  }
  history.replaceState(null, "", link(view || "overview", names, query));
}
