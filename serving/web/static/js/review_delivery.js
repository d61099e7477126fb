/** Acts whose result has to be seen: wait for the server, but never hold the person up for long. */

import { outbox } from "./base.js";
import { _ } from "./i18n.js";
import { screen } from "./review_screen.js";
import { goTo, panels } from "./review_walk.js";
import { showToast } from "./toast.js";

const PATIENCE_MS = 2500;

/** A refusal that was told on the spot need not be listed as well. */
class Refusal extends Error {
  constructor(act) {
    super(act.reason);
    this.remedy = act.remedy;
  }
}

/**
 * Return the settled act with its `answer`, or null while it is on its way: it is kept and sent
 * later. Where the server refuses, what there is now is shown and the refusal thrown.
 */
export async function deliver(act) {
  const done = await outbox.settled(act.id, PATIENCE_MS);
  if (done?.state === "refused") {
    outbox.drop(done.id);
    panels.clear();
    await goTo(String(screen.candidate.id), { remember: false });
    throw new Refusal(done);
  }
  if (done?.state === "waiting") {
    showToast(_("Kept here; it is sent as soon as the server can be reached."), { tone: "warn" });
    return null;
  }
  return done;
}

/** Send acts on the candidate that is shown, then show it as the server has it now; null is none. */
export async function send(acts) {
  const wanted = acts.filter((act) => act !== null).map((act) => outbox.add(act));
  if (wanted.length === 0) return;
  for (const act of wanted) {
    const done = await deliver(act);
    if (done !== null) showToast(act.label);
  }
  const [candidateId] = wanted[0].candidateIds;
  panels.forget(candidateId);
  // Who decided meanwhile looks at another one already.
  if (String(screen.candidate.id) === candidateId) await goTo(candidateId, { remember: false });
}
