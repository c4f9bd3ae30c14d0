// Reads a JSON Schema, as `GET /v1/schema/{kind}` has it, and tells which form a value of it takes on the page.

const typesOf = (schema) => [schema.type ?? []].flat();

// The words of a choice. A schema may list a word in several types, such as "1.2" and 1.2.
function wordsOf(schema) {
  const words = schema.enum ?? schema.anyOf?.find((one) => one.enum)?.enum;
  return words ? [...new Map(words.map((word) => [String(word), word])).values()] : null;
}

// An object with one of many members, whose name says what the object is: a policy.
const isOneOf = (schema) => schema.minProperties === 1 && (schema.maxProperties === 1 || schema.then?.maxProperties === 1);

function shapeOfObject(schema) {
  if (!schema.properties) return typeof schema.additionalProperties === "object" ? { form: "map", items: schema.additionalProperties } : { form: "json" };
  return { form: isOneOf(schema) ? "one_of" : "object" };
}

// {form, ...}, where `form` is one of:
//   text, secret, number, boolean; choice with `words`; json: any value, as JSON
//   object: its members are `schema.properties`; one_of: an object with exactly one of them
//   list with `items`, the schema of an element; `alone` when one element may be written without a list
//   map: names and values with the schema `items`
//   union with `parts` [{label, schema, fits(value)}]
export function shapeOf(schema) {
  const types = typesOf(schema);
  const words = wordsOf(schema);
  if (words) return { form: "choice", words };
  if (schema.if?.type === "array") return { form: "list", items: schema.then.items ?? {}, alone: true };
  if (schema.if?.type === "object") return union(schema.else, schema.then);
  if (types.includes("object") && types.includes("string")) return union({ type: "string" }, { ...schema, type: "object" });
  if (types.includes("array")) return { form: "list", items: schema.items ?? {} };
  if (types.includes("object")) return shapeOfObject(schema);
  if (schema.format === "password") return { form: "secret" };
  if (types.includes("boolean") && !types.includes("number")) return { form: "boolean" };
  if (types.includes("integer")) return { form: "number" };
  if (types.includes("string")) return { form: "text" };
  return { form: "json" };
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function union(text, settings) {
  return { form: "union", parts: [
    { label: "a text", schema: text, fits: (value) => !isObject(value) },
    { label: "settings", schema: settings, fits: isObject }] };
}

// The names of the members that an object must have.
export function requiredOf(schema) {
  return schema.required ?? (schema.if?.required?.includes("<<") ? schema.else?.required : null) ?? [];
}

// The value that a new field begins with: the default, or what is required and empty.
export function blankOf(schema) {
  const { form, words, items, parts } = shapeOf(schema);
  const usual = schema.default;
  switch (form) {
    case "boolean": return !(usual ?? false); // a setting is added in order to differ from its default
    case "choice": return usual ?? words[0];
    case "number": return usual ?? "";
    case "list": return Array.isArray(usual) && usual.length > 0 ? usual : [blankOf(items)];
    case "map": return { "": blankOf(items) };
    case "one_of": return {};
    case "object": return Object.fromEntries(requiredOf(schema).map((name) => [name, blankOf(schema.properties[name] ?? {})]));
    case "union": return blankOf(parts[0].schema);
    case "json": return {};
    default: return usual ?? "";
  }
}
