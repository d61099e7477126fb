/** The review screen: one candidate, one look, one key. */

import { ApiError, request } from "./api.js";
import { outbox } from "./base.js";
import { drawCandidateMap } from "./candidate_map.js";
import { CandidateQueue } from "./candidate_queue.js";
import { askDuplicateOf } from "./duplicate_dialog.js";
import { localizeTimes } from "./format.js";
import { merge, split, undoGrouping } from "./grouping_acts.js";
import { askMergeWith, askSplitOff } from "./grouping_dialog.js";
import { _ } from "./i18n.js";
import { actForKey } from "./review_keys.js";
import { SightingStrip } from "./sighting_strip.js";
import { showToast } from "./toast.js";
import { PhotoViewer } from "./viewer.js";

const PREFETCH = 3;
const DONE_TEXTS = {
  confirm: _("Confirmed"), reject: _("Rejected"), unsure: _("Marked unsure"),
  duplicate: _("Marked duplicate"),
};

const shell = document.getElementById("review");
const panel = document.getElementById("panel");
const saveState = document.getElementById("save-state");
const remaining = document.getElementById("remaining");
const helpDialog = document.getElementById("help-dialog");

const viewer = new PhotoViewer(
  document.getElementById("viewer"), document.getElementById("zoom-label"),
  document.getElementById("outline"));
const sightings = new SightingStrip(
  document.getElementById("sightings"), document.getElementById("photo-name"), viewer);
const queue = new CandidateQueue(shell.dataset.filter, shell.dataset.candidateId);
const panels = new Map(); // candidate id -> promise of its panel's HTML
const wantedState = new URLSearchParams(shell.dataset.filter).get("state") || "pending";
let candidate = null;
let map = null;

// ------------------------------------------------------------------ what is on the screen

function readCandidate() {
  return JSON.parse(document.getElementById("candidate-data").textContent);
}

/** Bring the panel's data to life: photo, strip, map. */
function enterCandidate() {
  candidate = readCandidate();
  shell.dataset.candidateId = candidate.id;
  const mapElement = document.getElementById("candidate-map");
  map = mapElement ? drawCandidateMap(mapElement, candidate) : null;
  localizeTimes(panel);
  panel.scrollTop = 0;
  document.getElementById("note").value = "";
  document.title = `${candidate.title} · HazardLens`;
  sightings.show(candidate.sightings);
  prefetch();
}

function loadPanel(candidateId) {
  if (!panels.has(candidateId)) {
    const path = `/review/${candidateId}/panel?${shell.dataset.filter}`;
    const loading = fetch(path, { credentials: "same-origin" }).then(async (response) => {
      if (!response.ok) throw new ApiError(response.status);
      return response.text();
    });
    loading.catch(() => panels.delete(candidateId));
    panels.set(candidateId, loading);
  }
  return panels.get(candidateId);
}

/** Read the next candidates, and have the server cut their photos, while the person looks. */
function prefetch() {
  for (const candidateId of queue.peekAhead(PREFETCH)) {
    if (panels.has(candidateId)) continue;
    loadPanel(candidateId).then((html) => {
      const parsed = new DOMParser().parseFromString(html, "text/html");
      const data = JSON.parse(parsed.getElementById("candidate-data").textContent);
      const photo = data.sightings[0]?.photo;
      if (photo) new Image().src = photo.tiles_url.replace("{level}", 8).replace("{x}", 0).replace("{y}", 0);
    }).catch(() => {}); // shown again, with its reason, when the person goes there
  }
}

async function goTo(candidateId, { remember = true } = {}) {
  let html;
  try {
    html = await loadPanel(candidateId);
  } catch (error) {
    showToast(error instanceof ApiError ? error.message : _("The candidate could not be read."), {
      tone: "danger", action: { label: _("Retry"), run: () => goTo(candidateId) },
    });
    return;
  }
  panels.delete(candidateId); // its state changes from now on
  queue.goTo(candidateId);
  shell.classList.remove("is-finished");
  map?.remove(); // while its element is still there
  map = null;
  panel.innerHTML = html;
  if (remember) history.pushState({ candidateId }, "", `/review/${candidateId}?${shell.dataset.filter}`);
  enterCandidate();
}

async function goNext() {
  let nextId;
  try {
    nextId = await queue.findNext();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    showToast(error.message, { tone: "danger", action: { label: _("Retry"), run: goNext } });
    return;
  }
  if (nextId === null) {
    shell.classList.add("is-finished");
    document.getElementById("finished").focus();
  } else {
    await goTo(nextId);
  }
}

async function goFollowing() {
  const following = await queue.findFollowing().catch(() => null);
  if (following) await goTo(following);
  else showToast(_("This is the last candidate of the queue."));
}

async function goPrevious() {
  const previous = queue.findPrevious();
  if (previous) await goTo(previous);
  else showToast(_("This is the first candidate."));
}

// ------------------------------------------------------------------ deciding

/** Everything that decides waits for the step before, so that fast keys hit what they were meant for. */
let step = Promise.resolve();
function inOrder(work) {
  step = step.then(work).catch((error) => {
    showToast([error.message, error.remedy].filter(Boolean).join(" "), { tone: "danger" });
  });
  return step;
}

function canDecide() {
  if (shell.classList.contains("is-finished")) return false;
  if (candidate.merged_into !== null) {
    showToast(_("This candidate was merged into #{id}; decide there.", { id: candidate.merged_into }));
    return false;
  }
  if (outbox) return true;
  showToast(_("Your role may look, not decide."), { tone: "warn" });
  return false;
}

async function decide(verdict) {
  if (!canDecide()) return;
  const decided = candidate;
  let duplicateOf = null;
  if (verdict === "duplicate") {
    const chosen = await askDuplicateOf(decided);
    if (chosen === null) return;
    duplicateOf = chosen ? Number(chosen) : null;
  }
  const note = document.getElementById("note").value.trim();
  const candidateId = String(decided.id);
  const seenState = outbox.stateOf(candidateId, decided.state);
  const act = outbox.decide({ candidateId, verdict, seenState, note, duplicateOf });
  queue.markDecided(String(decided.id));
  panels.delete(String(decided.id));
  changeRemaining(seenState === wantedState ? -1 : 0);
  showToast(`${DONE_TEXTS[verdict]}: ${decided.title}`, {
    action: { label: _("Undo (U)"), run: () => inOrder(() => undo(act.id)) },
  });
  await goNext();
}

async function undo(actId = null) {
  if (!outbox) return;
  const act = outbox.undo(actId);
  if (act === null) {
    const button = panel.querySelector("button[data-undo-decision]");
    if (button) undoFromHistory(button);
    else showToast(_("There is nothing to undo."));
    return;
  }
  queue.markOpen(act.candidateId);
  panels.delete(act.candidateId);
  changeRemaining(+1);
  await whenSettled(act.id);
  showToast(_("Taken back: {act}", { act: DONE_TEXTS[act.verdict] ?? act.verdict }));
  await goTo(act.candidateId);
}

function undoFromHistory(button) {
  const act = outbox.undoDecision({
    decisionId: Number(button.dataset.undoDecision), candidateId: String(candidate.id),
    verdict: button.dataset.verdict,
  });
  button.disabled = true;
  return whenSettled(act.id).then(() => goTo(act.candidateId, { remember: false }));
}

/** Wait a moment for the act to reach the server; a dead link must not hold the person up. */
function whenSettled(actId, patienceMs = 2500) {
  return new Promise((resolve) => {
    const isOpen = () => outbox.open.some((act) => act.id === actId);
    const check = () => {
      if (isOpen()) return;
      outbox.removeEventListener("change", check);
      resolve();
    };
    outbox.addEventListener("change", check);
    setTimeout(() => {
      outbox.removeEventListener("change", check);
      resolve();
    }, patienceMs);
    check();
  });
}

// ------------------------------------------------------------------ merging and splitting

/** Merges and splits speak of what the server has: decisions on their way have to be there first. */
async function canGroup() {
  if (!canDecide()) return false;
  const last = outbox.open.at(-1);
  if (last) await whenSettled(last.id);
  if (outbox.open.length === 0) return true;
  showToast(_("Decisions are still on their way; try again when they are saved."), { tone: "warn" });
  return false;
}

async function mergeOthers() {
  if (!(await canGroup())) return;
  const others = await askMergeWith(candidate);
  if (others === null) return;
  const state = outbox.stateOf(String(candidate.id), candidate.state);
  const act = await merge(candidate, state, others);
  const gone = act.candidate_ids.filter((id) => id !== act.candidate_id);
  for (const id of gone) queue.markDecided(String(id));
  await showGrouped(act, _("Merged: {count} candidates are now one", { count: gone.length + 1 }));
}

async function splitOff() {
  if (!(await canGroup())) return;
  if (candidate.sightings.length < 2) {
    showToast(_("There is only one photo; nothing can be split off."));
    return;
  }
  const detectionIds = await askSplitOff(candidate);
  if (detectionIds === null) return;
  const state = outbox.stateOf(String(candidate.id), candidate.state);
  const act = await split(candidate, state, detectionIds);
  for (const id of act.candidate_ids) {
    if (id !== act.candidate_id) queue.insertNext(String(id));
  }
  await showGrouped(act, _("Split off: {count} photos", { count: detectionIds.length }));
}

async function takeGroupingBack(groupingId) {
  const act = await undoGrouping(groupingId);
  for (const id of act.candidate_ids) queue.markOpen(String(id));
  panels.clear();
  readRemaining().catch(() => {});
  showToast(_("Merge or split taken back"));
  await goTo(String(act.candidate_id), { remember: false });
}

/** Do a merge or a split; where a colleague was faster, show what there is now. */
async function group(work) {
  try {
    await work();
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) {
      panels.clear();
      await goTo(String(candidate.id), { remember: false });
    }
    throw error;
  }
}

/** Show what has become of the candidates of an act, with a way back. */
async function showGrouped(act, text) {
  panels.clear();
  readRemaining().catch(() => {});
  showToast(text, {
    lastsMs: 10_000,
    action: { label: _("Take back"), run: () => inOrder(() => group(() => takeGroupingBack(act.id))) },
  });
  await goTo(String(act.candidate_id), { remember: act.candidate_id !== candidate.id });
}

function changeRemaining(difference) {
  remaining.textContent = String(Math.max(0, Number(remaining.textContent) + difference));
}

async function readRemaining() {
  if (outbox.open.length > 0) return;
  const filter = new URLSearchParams(shell.dataset.filter);
  filter.delete("state");
  const counts = await request("GET", `/candidates/counts?${filter}`);
  remaining.textContent = String(counts[wantedState] ?? 0);
}

function paintSaveState() {
  const open = outbox.open.length;
  saveState.dataset.state = open === 0 ? "saved" : outbox.lastError ? "stuck" : "saving";
  saveState.textContent = open === 0
    ? _("All decisions saved")
    : _("Saving {count}…", { count: open });
}

// ------------------------------------------------------------------ hands

const ACTS = {
  confirm: () => inOrder(() => decide("confirm")),
  reject: () => inOrder(() => decide("reject")),
  unsure: () => inOrder(() => decide("unsure")),
  duplicate: () => inOrder(() => decide("duplicate")),
  merge: () => inOrder(() => group(mergeOthers)),
  split: () => inOrder(() => group(splitOff)),
  undo: () => inOrder(() => undo()),
  next: () => inOrder(goFollowing),
  previous: () => inOrder(goPrevious),
  nextSighting: () => sightings.step(+1),
  previousSighting: () => sightings.step(-1),
  toggleBox: () => {
    const shows = viewer.toggleBox();
    document.getElementById("toggle-box").setAttribute("aria-pressed", String(shows));
  },
  showBoxArea: () => viewer.showBoxArea(),
  showWhole: () => viewer.showWhole(),
  showNative: () => viewer.showNative(),
  zoomIn: () => viewer.zoomBy(1.5),
  zoomOut: () => viewer.zoomBy(1 / 1.5),
  note: () => document.getElementById("note").focus(),
  help: () => helpDialog.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.id === "note") event.target.blur();
  const act = actForKey(event);
  if (act === null || (event.repeat && !act.startsWith("zoom"))) return;
  event.preventDefault();
  ACTS[act]();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (button) ACTS[button.dataset.act]();
  const undoButton = event.target.closest("button[data-undo-decision]");
  if (undoButton) inOrder(() => undoFromHistory(undoButton));
  const groupingButton = event.target.closest("button[data-undo-grouping]");
  if (groupingButton) {
    const groupingId = Number(groupingButton.dataset.undoGrouping);
    inOrder(() => group(() => takeGroupingBack(groupingId)));
  }
});
addEventListener("popstate", () => {
  const id = location.pathname.split("/").at(-1);
  if (/^\d+$/.test(id)) inOrder(() => goTo(id, { remember: false }));
});

addEventListener("online", () => {
  if (document.getElementById("viewer").classList.contains("has-failed")) sightings.step(0);
});

if (outbox) {
  outbox.addEventListener("change", paintSaveState);
  outbox.addEventListener("saved", () => readRemaining().catch(() => {}));
  outbox.addEventListener("undone", () => readRemaining().catch(() => {}));
  paintSaveState();
}
enterCandidate();
// The order of the queue is needed at the first "next", not before the first look.
queue.findFollowing().then(prefetch).catch(() => {});
