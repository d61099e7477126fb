/** Wait until a selection is made, then show it. */

import { request } from "./api.js";

const EVERY_MS = 1500;
const place = document.getElementById("selection-wait");

async function look() {
  try {
    const { state } = await request("GET", `/selections/${place.dataset.id}`);
    if (state !== "queued") {
      location.reload();
      return;
    }
  } catch (error) {
    if (!error.isPassing) throw error;
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
