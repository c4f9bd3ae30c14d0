// What the log's `ended` means, in a sentence. The gateway makes this module of its own tables of reasons.
import { REASONS } from "./reason_table.js";

export { REASONS };

export function reason(name) {
  return REASONS[name] ?? `It ended as “${String(name).replaceAll("_", " ")}”.`;
}
