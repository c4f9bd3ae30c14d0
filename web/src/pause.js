// Pauses the page. Data that arrive during a pause are kept, and are shown when the page goes on.
import { setText } from "./dom.js";

const button = document.getElementById("pause");
let still = false;

export const paused = () => still;

// changed() is called when a pause begins and when it ends.
export function pauseButton(changed) {
  button.addEventListener("click", () => {
    still = !still;
    button.setAttribute("aria-pressed", String(still));
    setText(button, still ? "Continue" : "Pause");
    document.body.classList.toggle("paused", still);
    changed();
  });
}
