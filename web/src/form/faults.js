// Shows diagnostics of the gateway at the fields that their JSON pointers name.

// The element of the field at a pointer, or of the nearest field around it.
function fieldAt(root, pointer) {
  for (let path = pointer; ; path = path.slice(0, path.lastIndexOf("/"))) {
    const found = [...root.querySelectorAll("[data-pointer]")].filter((one) => one.dataset.pointer === path).at(-1);
    if (found || path === "") return found ?? null;
  }
}

function textOf(fault) {
  return fault.severity === "warning" ? `Warning: ${fault.message}` : fault.message;
}

// faults: [{pointer, message, severity}]. Those before are removed. Returns the faults that have no field.
export function showFaults(root, faults) {
  for (const place of root.querySelectorAll(".field-fault")) {
    place.hidden = true;
    place.textContent = "";
    place.classList.remove("warning");
  }
  for (const control of root.querySelectorAll("[data-faulty]")) {
    control.removeAttribute("aria-invalid");
    delete control.dataset.faulty;
  }
  const homeless = [];
  for (const fault of faults) {
    const place = fieldAt(root, fault.pointer);
    if (!place) {
      homeless.push(fault);
      continue;
    }
    const text = place.querySelector(":scope > .field-fault");
    text.textContent += (text.textContent ? "\n" : "") + textOf(fault);
    text.hidden = false;
    text.classList.toggle("warning", fault.severity === "warning");
    const control = place.querySelector(":scope > .field-head > :is(input, select, textarea)");
    if (control && fault.severity !== "warning") {
      control.setAttribute("aria-invalid", "true");
      control.dataset.faulty = "";
    }
  }
  return homeless;
}
