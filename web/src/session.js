// The session of the user: logging in and out, and the rights of the session's token.
import { h, setText } from "./dom.js";

// `mayPublish`: the role may change objects; `mayWrite`: the gateway takes such changes too, and else `readOnly` says why not. `onLogin` is called after a
// login; other modules may set it.
export const session = { name: "", role: "viewer", mayChange: false, mayPublish: false, mayWrite: false, readOnly: "", onLogin: () => {} };

let becomeKnown;
// Fulfilled when the rights of the session are known: at once, or after a login.
export const sessionKnown = new Promise((resolve) => {
  becomeKnown = resolve;
});

const logout = document.getElementById("logout");

function adopt(told) {
  session.name = told.token ? told.name : "";
  session.role = told.role;
  session.mayChange = told.role !== "viewer";
  session.mayPublish = told.role === "publisher" || told.role === "admin";
  session.mayWrite = session.mayPublish && told.writes !== "files";
  session.readOnly = session.mayWrite ? "" : session.mayPublish ? "Objects can be changed in files only: admin.writes is files."
    : `The role ${session.role} reads objects; the role publisher changes them.`;
  document.body.classList.toggle("may-write", session.mayWrite);
  document.body.classList.toggle("may-change", session.mayChange);
  document.body.classList.toggle("may-publish", session.mayPublish);
  logout.hidden = session.name === "";
  if (session.name) logout.setAttribute("aria-label", `Log out ${session.name}`);
  becomeKnown();
}

// Says why the user cannot change objects, when that is so.
export function readOnlyNote() {
  const note = h("p", { class: "facts", hidden: true });
  sessionKnown.then(() => {
    note.hidden = session.readOnly === "";
    setText(note, session.readOnly);
  });
  return note;
}

// The reason for which the gateway has refused a request: `detail` of its answer (RFC 9457).
export async function refusalOf(response) {
  const told = await response.json().catch(() => null);
  return told?.detail ?? `The gateway answered ${response.status}.`;
}

// Loads the session, and asks for a token when one is needed. False while there is no session.
export async function loadSession() {
  const response = await fetch("/v1/session").catch(() => null);
  if (response?.ok) adopt(await response.json());
  if (response?.status === 401) askForToken();
  return response?.ok === true;
}

export async function get(path) {
  const response = await fetch(path);
  if (response.status === 401) askForToken();
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

export async function post(path, body) {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (response.status === 401) {
    askForToken();
    return { error: "Log in to do this." };
  }
  return response.ok ? response.json() : { error: await refusalOf(response) };
}

export function askForToken() {
  if (document.getElementById("login")) return;
  const token = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true });
  const wrong = h("p", { class: "error", role: "alert" });
  const form = h("form", { onsubmit: async (event) => {
    event.preventDefault();
    const response = await fetch("/login", { method: "POST", body: token.value });
    if (!response.ok) {
      setText(wrong, response.status === 401 ? "The gateway does not know this token." : await refusalOf(response));
      return;
    }
    dialog.close();
    dialog.remove();
    if (await loadSession()) session.onLogin();
  } },
  h("h2", { id: "login-title" }, "Log in"), h("label", { for: "token" }, "Token"), token, wrong,
  h("button", { type: "submit", class: "primary" }, "Log in"));
  const dialog = h("dialog", { id: "login", "aria-labelledby": "login-title", oncancel: (event) => event.preventDefault() }, form);
  document.body.append(dialog);
  dialog.showModal();
}

logout.addEventListener("click", async () => {
  await fetch("/logout", { method: "POST" });
  location.reload();
});
