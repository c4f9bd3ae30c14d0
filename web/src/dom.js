// Makes elements, and formats values for users.

// h("td", {class: "number"}, "1", child): properties that begin with "on" are listeners, null and false are left out.
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Sets a text only when it differs, so that selections and screen readers are not disturbed.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Changes the page. When the change removes or hides the element that has the focus, and gives it to no other one, `place`
// gets it.
export function keepFocus(place, change) {
  const hadFocus = document.activeElement !== document.body;
  change();
  const now = document.activeElement;
  if (hadFocus && (now === document.body || !now.checkVisibility())) place.focus({ preventScroll: true });
}

// A listener that does nothing while its last call has not ended. So a button need not be disabled, by which it would lose
// the focus.
export function oneAtATime(work) {
  let running = false;
  return async (event) => {
    event.preventDefault();
    if (running) return;
    running = true;
    try {
      await work(event);
    } finally {
      running = false;
    }
  };
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export function number(value) {
  return whole.format(value);
}

export function rate(value) {
  if (value === undefined || value < 0.005) return "0";
  return value < 100 ? short.format(value) : whole.format(value);
}

export function milliseconds(value) {
  if (value === undefined || value < 0) return "–";
  if (value >= 10_000) return `${short.format(value / 1000)} s`;
  return `${short.format(value)} ms`;
}

export function percent(value) {
  if (value === undefined || value < 0 || Number.isNaN(value)) return "–";
  if (value > 0 && value < 0.001) return "<0.1%";
  return `${(value * 100).toFixed(value > 0 && value < 0.1 ? 1 : 0)}%`;
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(value) : short.format(value)} ${units[unit]}`;
}

export function duration(seconds) {
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let left = Math.max(0, Math.floor(seconds));
  const out = [];
  for (const [name, size] of parts) {
    if (left >= size && out.length < 2) {
      out.push(`${Math.floor(left / size)} ${name}`);
      left %= size;
    }
  }
  return out.join(" ") || "0 s";
}

export function timeOfDay(text) {
  return new Date(text).toLocaleTimeString([], { hour12: false });
}

export function dateAndTime(text) {
  return new Date(text).toLocaleString([], { hour12: false });
}

// The share of the requests that failed.
export function failureRatio(meter) {
  return meter.rate > 0.005 ? meter.failures / meter.rate : meter.total_failures > 0 && meter.rate > 0 ? 1 : 0;
}
