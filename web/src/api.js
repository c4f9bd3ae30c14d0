// Calls of the admin API by pages that show the answers of the gateway themselves.
import { askForToken, sessionKnown } from "./session.js";

export const JSON_TYPE = "application/json";
export const YAML_TYPE = "application/yaml";

async function read(response) {
  const text = await response.text().catch(() => ""); // the gateway may go away in the middle of its answer
  if (!(response.headers.get("content-type") ?? "").includes("json")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const PATIENCE = 30_000; // milliseconds after which a read has failed

// Makes a call, when the user has logged in. The answer is {ok, status, etag, revision, told}: `revision` is the one in force, `told` is the document of the answer, or its text when it is not JSON;
// the document of an error has `detail` and `diagnostics` (RFC 9457). `value` is sent as JSON, `text` as it is, and `fields` are further fields of the request.
export async function call(method, path, { value, text, type = JSON_TYPE, accept, message, fields } = {}) {
  await sessionKnown;
  const headers = { ...fields };
  if (accept) headers.accept = accept;
  if (message) headers["portcullis-message"] = bytesOf(message);
  const body = value === undefined ? text : JSON.stringify(value);
  if (body !== undefined) headers["content-type"] = type;
  const signal = method === "GET" ? AbortSignal.timeout(PATIENCE) : undefined;
  const response = await fetch(path, { method, headers, body, signal }).catch(() => null);
  if (!response) return { ok: false, status: 0, told: { detail: "The gateway does not answer.", diagnostics: [] } };
  if (response.status === 401) askForToken();
  const told = await read(response);
  const about = { status: response.status, etag: response.headers.get("etag"), revision: Number(response.headers.get("portcullis-revision")) };
  if (response.ok) return { ok: true, ...about, told };
  const error = typeof told === "object" && told !== null ? told : {};
  return { ok: false, ...about, told: { detail: `The gateway answered ${response.status}.`, diagnostics: [], ...error } };
}

// The document that a path has; throws an Error with the gateway's reason.
export async function documentAt(path) {
  const { ok, told } = await call("GET", path);
  if (!ok) throw new Error(told.detail);
  return told;
}

// A header field takes characters up to U+00FF only, so a text is sent as its bytes in UTF-8.
function bytesOf(text) {
  return String.fromCharCode(...new TextEncoder().encode(text.trim()));
}

export const pathOfDraft = (draft) => `/v1/drafts/${encodeURIComponent(draft)}`;

// The address of an object, or of the single object of a kind when `name` is empty; in force, or in a draft.
export function pathOfObject(kind, name, draft = "") {
  return `${draft ? pathOfDraft(draft) : "/v1"}/${kind}${name ? `/${encodeURIComponent(name)}` : ""}`;
}
