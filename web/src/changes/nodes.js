// The view of the nodes: what each of them serves, and whether it could take over the latest configuration.
import { duration, h, number, setText } from "../dom.js";
import { Follower } from "../follow.js";
import { column, page } from "../panels.js";
import { Table } from "../table.js";

const GOOD = { ready: "good", lost: "bad" };
const STORE = { true: "answers", false: "does not answer" };

export function nodes() {
  const table = new Table({ caption: "Nodes", id: (row) => row.id, empty: "No node is known.", columns: [
    column("id", "Node"), column("state", "State", (value) => h("span", { class: `state ${GOOD[value] ?? ""}` }, value)),
    column("revision", "Revision", number, { number: true }),
    { key: "since", label: "Since", value: (row) => row.since, format: (value) => `${duration((Date.now() - new Date(value)) / 1000)} ago` },
    { key: "store", label: "Store", value: (row) => STORE[row.store_reachable] ?? "none is shared" }, column("version", "Version"),
    { key: "error", label: "Latest refusal", value: (row) => row.last_error ?? "", format: (text) => h("span", { class: "long" }, text || "–") }] });
  const behind = h("p", { class: "error", role: "status" });
  const follower = new Follower("/v1/nodes", ({ ok, told }) => {
    if (!ok) return; // the banner tells when the gateway does not answer
    table.update(told.items);
    const newest = Math.max(...told.items.map((one) => one.revision));
    const late = told.items.filter((one) => one.state === "ready" && one.revision < newest).map((one) => one.id);
    setText(behind, late.length > 0 ? `Not at revision ${newest} yet: ${late.join(", ")}.` : "");
  });

  return page({ title: "Nodes", parts: [behind, table], show() {},
    attach() {
      follower.start();
    },
    detach() {
      follower.stop();
    } });
}
