// The meaning of each value of `ended` in the log, in a sentence. The gateway generates the imported module from its
// tables of reasons.
import { REASONS } from "./reason_table.js";

export { REASONS };

export function reason(name) {
  return REASONS[name] ?? `The request ended for the reason “${String(name).replaceAll("_", " ")}”.`;
}
