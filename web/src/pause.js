// Whether the page stands still: what comes meanwhile is kept, and shown when it goes on.
import { setText } from "./dom.js";

const button = document.getElementById("pause");
let still = false;

export const paused = () => still;

// changed(): called when it begins and ends.
export function pauseButton(changed) {
  button.addEventListener("click", () => {
    still = !still;
    button.setAttribute("aria-pressed", String(still));
    setText(button, still ? "Go on" : "Pause");
    document.body.classList.toggle("paused", still);
    changed();
  });
}
