/** From candidate to candidate: forwards, back, to the next that is undecided. */

import { ApiError } from "./api.js";
import { outbox } from "./base.js";
import { CandidateQueue } from "./candidate_queue.js";
import { _ } from "./i18n.js";
import { PanelCache } from "./panel_cache.js";
import { inOrder } from "./review_steps.js";
import { screen } from "./review_screen.js";
import { showToast } from "./toast.js";

const PREFETCH = 5;

export const queue = new CandidateQueue(screen.filter, screen.shell.dataset.candidateId, {
  claims: outbox !== null, // who may only look keeps nothing from others
});
export const panels = new PanelCache(screen.filter);

/** Show a candidate; `remember` writes it into the browser's history. */
export async function goTo(candidateId, { remember = true } = {}) {
  let html;
  try {
    html = await panels.load(candidateId);
  } catch (error) {
    sayUnread(error, () => goTo(candidateId));
    return;
  }
  panels.forget(candidateId); // its state changes from now on
  queue.goTo(candidateId);
  if (remember) {
    history.pushState({ candidateId }, "", `/review/${candidateId}?${screen.filter}`);
  }
  screen.show(html);
}

/** Go to the next candidate that nobody decided, or say that there is none. */
export async function goNext() {
  let nextId;
  try {
    nextId = await queue.findNext();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    sayUnread(error, goNext);
    return;
  }
  if (nextId === null) screen.finish();
  else await goTo(nextId);
}

/** Go on without deciding. */
export async function goFollowing() {
  const following = await queue.findFollowing().catch(() => null);
  if (following) await goTo(following);
  else showToast(_("This is the last candidate of the queue."));
}

export async function goPrevious() {
  const previous = queue.findPrevious();
  if (previous) await goTo(previous);
  else showToast(_("This is the first candidate."));
}

/** Read the next candidates while the person looks at this one. */
export function prefetch() {
  panels.prefetch(queue.peekAhead(PREFETCH));
}

function sayUnread(error, again) {
  if (error.status === 401) { // the page asks for the password
    document.addEventListener("signed-in", () => inOrder(again), { once: true });
    return;
  }
  showToast(error instanceof ApiError ? error.message : _("The candidate could not be read."), {
    tone: "danger", action: { label: _("Retry"), run: () => inOrder(again) },
  });
}

screen.addEventListener("enter", prefetch);
screen.addEventListener("enter", () => queue.fill());
queue.addEventListener("filled", prefetch);
addEventListener("popstate", () => {
  const id = location.pathname.split("/").at(-1);
  if (/^\d+$/.test(id)) inOrder(() => goTo(id, { remember: false }));
});
