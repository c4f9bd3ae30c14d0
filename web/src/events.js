// What happens in the gateway (GET /v1/events). Pages that show objects, revisions or nodes load them anew after an event.
const KINDS = ["revision_published", "canary_started", "canary_promoted", "canary_withdrawn", "node_lost", "lost"];
const listeners = new Set();
let source = null;

// Follows the events; called when the gateway answers for the first time or again. The event source connects again by
// itself.
export function followEvents() {
  if (source && source.readyState !== EventSource.CLOSED) return;
  source = new EventSource("/v1/events");
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      const about = JSON.parse(event.data);
      for (const listener of listeners) listener(kind, about);
    });
  }
}

// Calls `listener(kind, about)` for each event until the returned function is called.
export function onEvent(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
