/** The line on the review screen that says who else looks at this candidate. */

import { paintHolder } from "./claims.js";
import { screen } from "./review_screen.js";
import { queue } from "./review_walk.js";

const note = document.getElementById("claim-note");
const options = { mayTakeOver: note.dataset.mayTakeOver === "yes", onTakeOver: takeOver };

async function hold() {
  const id = String(screen.candidate.id);
  paintHolder(note, queue.claims.heldBy(id));
  const claim = await queue.claims.hold(id);
  if (String(screen.candidate.id) === id) paintHolder(note, claim, options);
}

async function takeOver() {
  const id = String(screen.candidate.id);
  const claim = await queue.claims.takeOver(id);
  if (String(screen.candidate.id) === id) paintHolder(note, claim, options);
}

if (queue.claims) {
  screen.addEventListener("enter", hold);
  queue.claims.addEventListener("lost", ({ detail }) => {
    if (detail.candidateId !== String(screen.candidate?.id)) return;
    paintHolder(note, { ...detail, expires_at: null, mine: false }, options);
  });
  if (screen.candidate) hold();
}
