/** The card of cameras on the page of a flight: begin a calibration. */

import { ApiError, request } from "./api.js";
import { showToast } from "./toast.js";

async function begin(button) {
  const { flightId } = button.closest("section").dataset;
  button.disabled = true;
  try {
    const body = { camera: button.dataset.calibrate };
    await request("POST", `/flights/${flightId}/calibrations`, { body });
    location.reload();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    button.disabled = false;
    showToast([error.message, error.remedy].filter(Boolean).join(" "), { tone: "danger" });
  }
}

// The card is replaced while photos are looked at: what it holds is listened to from above.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-calibrate]");
  if (button) begin(button);
});
