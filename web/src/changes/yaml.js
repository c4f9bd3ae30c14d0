// The YAML of an object beside its form. Both show the same value: a change of one is taken over by the other.
import { h } from "../dom.js";
import { asYaml, fromYaml } from "./kinds.js";

const PAUSE = 400; // milliseconds after the last key before the text is read

export class YamlPane {
  // changed(value) is called with the value of a text that has been changed; a text that is not YAML is marked.
  constructor({ readonly, changed }) {
    this.changed = changed;
    this.turn = 0; // answers to earlier texts are ignored
    this.text = h("textarea", { id: "object-yaml", class: "yaml", rows: "24", spellcheck: "false", autocomplete: "off", readonly, "aria-describedby": "object-yaml-fault",
      oninput: () => this.later() });
    this.fault = h("p", { class: "field-fault", id: "object-yaml-fault", hidden: true });
    this.element = h("div", {}, h("label", { for: "object-yaml" }, "YAML"), this.text, this.fault);
  }

  tell(problem) {
    this.fault.hidden = problem === "";
    this.fault.textContent = problem;
    if (problem) this.text.setAttribute("aria-invalid", "true");
    else this.text.removeAttribute("aria-invalid");
  }

  // Shows the YAML of a value.
  async show(value) {
    clearTimeout(this.timer);
    const turn = (this.turn += 1);
    const { ok, told } = await asYaml(value);
    if (turn !== this.turn) return;
    if (ok) this.text.value = told;
    this.tell(ok ? "" : told.detail);
  }

  later() {
    this.turn += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), PAUSE);
  }

  async read() {
    const turn = (this.turn += 1);
    const { ok, told } = await fromYaml(this.text.value);
    if (turn !== this.turn) return;
    this.tell(ok ? "" : told.diagnostics.map((one) => `Line ${one.line}, column ${one.column}: ${one.message}`).join("\n") || told.detail);
    if (ok) this.changed(told);
  }
}
