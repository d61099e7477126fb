/** Everything that decides waits for the step before, so that fast keys hit what they were meant for. */

import { showToast } from "./toast.js";

let step = Promise.resolve();

/**
 * Run `work` after everything that was asked for before; what goes wrong is said, not thrown. What
 * fails because the session has ended is done once the same person has signed in again.
 */
export function inOrder(work) {
  step = step.then(work).catch((error) => {
    if (error.status === 401) {
      document.addEventListener("signed-in", () => inOrder(work), { once: true });
      return;
    }
    showToast([error.message, error.remedy].filter(Boolean).join(" "), { tone: "danger" });
  });
  return step;
}
