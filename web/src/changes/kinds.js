// The kinds of objects, their schemas, and the objects in force or in a draft.
import { call, documentAt, pathOfObject } from "../api.js";

const PAGE = 1000; // objects in one answer
const schemas = new Map();
let kinds = null;

// [{kind, noun, single}], as the gateway lists them.
export async function allKinds() {
  kinds ??= (await documentAt("/v1/schema")).items;
  return kinds;
}

export async function schemaOf(kind) {
  if (!schemas.has(kind)) schemas.set(kind, await documentAt(`/v1/schema/${kind}`));
  return schemas.get(kind);
}

// All objects of a kind, in the order of their names. A kind with a single object has one without a name, unless its list
// is empty.
export async function objectsOf({ kind, single }, draft = "") {
  const path = pathOfObject(kind, "", draft);
  if (single) {
    const value = await documentAt(path);
    return [{ kind, name: "", value, single }];
  }
  const out = [];
  for (let after = null; ;) {
    const page = await documentAt(`${path}?limit=${PAGE}${after === null ? "" : `&after=${encodeURIComponent(after)}`}`);
    out.push(...page.items.map((value) => ({ kind, name: value.name, value })));
    if (page.next === undefined) return out;
    after = page.next;
  }
}

// Where an object comes from, in words.
export function originText(origin) {
  if (!origin) return "";
  if (origin.from === "draft") return "the draft";
  return origin.from === "file" ? `${origin.file}:${origin.line}` : `API, revision ${origin.revision}`;
}

// The same document as YAML, or as a value. Both return the answer of call().
export const asYaml = (value) => call("POST", "/v1/convert", { value, accept: "application/yaml" });
export const fromYaml = (text) => call("POST", "/v1/convert", { text, type: "application/yaml" });

// How an object is called on pages: "routes/orders", or "policies".
export const titleOfObject = (kind, name) => (name ? `${kind}/${name}` : kind);
