/** The page "new flight": choose, send with progress, submit. */

import { ApiError, request } from "./api.js";
import { filesFromDrop, filesFromField } from "./dropped_files.js";
import { RateMeter, formatBytes, formatDuration } from "./format.js";
import { _ } from "./i18n.js";
import { showToast } from "./toast.js";
import { UploadQueue } from "./upload_queue.js";

const STATE_TEXTS = {
  waiting: _("Waiting"),
  sending: _("Sending"),
  checking: _("Checking"),
  received: _("Received"),
  rejected: _("Refused"),
  failed: _("Failed"),
};
const REPAINT_MS = 250;

const form = document.getElementById("upload-form");
const zone = document.getElementById("drop-zone");
const table = document.getElementById("file-rows");
const submitButton = document.getElementById("submit-flight");
const startButton = document.getElementById("start-upload");
const retryButton = document.getElementById("retry-failed");
const summary = document.getElementById("upload-summary");
const bar = document.getElementById("upload-bar");
const verdict = document.getElementById("upload-verdict");

const queue = new UploadQueue();
const rows = new Map();
const meter = new RateMeter();
let flightId = form.dataset.flightId || null;
let isSubmitted = false;

/** A row: name, size, progress, state with reason and remedy. */
function makeRow(item) {
  const row = table.insertRow();
  for (const name of ["file-name", "file-size", "file-progress", "file-state"]) {
    row.insertCell().className = name;
  }
  row.cells[0].textContent = item.path;
  row.cells[0].title = item.path;
  row.cells[1].textContent = formatBytes(item.size);
  const progress = document.createElement("progress");
  progress.max = Math.max(1, item.size);
  progress.setAttribute("aria-label", item.path);
  row.cells[2].append(progress);
  rows.set(item, row);
  paintRow(item);
}

function paintRow(item) {
  const row = rows.get(item);
  row.dataset.state = item.state;
  const isSettled = item.state === "received" || item.state === "rejected";
  row.querySelector("progress").value = isSettled ? row.querySelector("progress").max : item.sent;
  const cell = row.cells[3];
  cell.replaceChildren();
  const state = document.createElement("span");
  state.className = `tag tag-${item.state}`;
  state.textContent = STATE_TEXTS[item.state];
  cell.append(state);
  const isFlawed = item.state === "received" && item.reason !== "";
  if (item.state !== "rejected" && item.state !== "failed" && !isFlawed) return;
  const reason = document.createElement("span");
  reason.className = isFlawed ? "reason flaw" : "reason";
  reason.textContent = [item.reason, item.remedy].filter(Boolean).join(" ");
  cell.append(reason);
  if (item.state === "failed") {
    const again = document.createElement("button");
    again.type = "button";
    again.className = "button button-small";
    again.textContent = _("Retry");
    again.addEventListener("click", () => queue.retry(item));
    cell.append(again);
  }
}

function describeTotals() {
  const { total, sent } = queue.bytes;
  const parts = [_("{done} of {count} files", {
    done: queue.count("received", "rejected"), count: queue.items.length,
  }), `${formatBytes(sent)} / ${formatBytes(total)}`];
  if (queue.isBusy && meter.perSecond > 0) {
    parts.push(`${formatBytes(meter.perSecond)}/s`);
    parts.push(_("{time} left", { time: formatDuration(meter.secondsFor(total - sent)) }));
  }
  return parts.join(" · ");
}

function paintTotals() {
  const { total, sent } = queue.bytes;
  document.getElementById("upload-panel").hidden = queue.items.length === 0;
  bar.max = Math.max(1, total);
  bar.value = sent;
  summary.textContent = describeTotals();
  const rejected = queue.count("rejected");
  const failed = queue.count("failed");
  const received = queue.count("received");
  verdict.textContent = [
    received > 0 ? _("{count} received", { count: received }) : "",
    rejected > 0 ? _("{count} refused, see the reasons below", { count: rejected }) : "",
    failed > 0 ? _("{count} failed, can be sent again", { count: failed }) : "",
  ].filter(Boolean).join(" · ");
  startButton.hidden = queue.isStarted;
  startButton.disabled = queue.items.length === 0;
  retryButton.hidden = failed === 0;
  submitButton.hidden = !queue.isStarted;
  submitButton.disabled = queue.isBusy || received === 0 || isSubmitted;
}

let repaint = 0;
const dirty = new Set();

/** Paint at most four times a second: thousands of files report progress. */
function paintSoon(item = null) {
  if (item) dirty.add(item);
  if (repaint) return;
  repaint = setTimeout(() => {
    repaint = 0;
    meter.add(queue.bytes.sent, performance.now());
    for (const each of dirty) paintRow(each);
    dirty.clear();
    paintTotals();
  }, REPAINT_MS);
}

function take(files) {
  if (files.length === 0) {
    showToast(_("Nothing to upload was found there."), { tone: "warn" });
    return;
  }
  const added = queue.add(files);
  for (const item of added) makeRow(item);
  const known = files.length - added.length;
  if (known > 0) showToast(_("{count} files were already in the list.", { count: known }));
  paintTotals();
}

async function makeFlight() {
  const fields = new FormData(form);
  const body = { name: fields.get("name").trim(), kind: fields.get("kind") };
  if (fields.get("site")?.trim()) body.site = fields.get("site").trim();
  const flight = await request("POST", "/flights", { body });
  return flight.id;
}

async function start() {
  if (!form.reportValidity() || queue.isStarted) return;
  startButton.disabled = true;
  try {
    flightId ??= await makeFlight();
  } catch (error) {
    startButton.disabled = false;
    if (!(error instanceof ApiError)) throw error;
    showToast([error.message, error.remedy].join(" "), { tone: "danger", lastsMs: 12_000 });
    return;
  }
  // A reload or a crash from here on finds the flight again and adds to it.
  history.replaceState(null, "", `/flights/new?flight_id=${encodeURIComponent(flightId)}`);
  for (const field of form.elements) {
    if (field.name) field.disabled = true;
  }
  queue.start(flightId);
  paintTotals();
}

async function submit() {
  submitButton.disabled = true;
  try {
    await request("POST", `/flights/${flightId}/submit`, { body: {} });
  } catch (error) {
    submitButton.disabled = false;
    if (!(error instanceof ApiError)) throw error;
    showToast([error.message, error.remedy].join(" "), { tone: "danger", lastsMs: 12_000 });
    return;
  }
  isSubmitted = true;
  location.assign(`/flights/${flightId}`);
}

function wireDropZone() {
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add("is-over");
    });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("is-over");
    take(await filesFromDrop(event.dataTransfer));
  });
  // A file dropped beside the zone must not replace the page and end the upload.
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => event.preventDefault());
  }
  for (const id of ["choose-files", "choose-folder"]) {
    const field = document.getElementById(id);
    field.addEventListener("change", () => {
      take(filesFromField(field));
      field.value = "";
    });
  }
}

wireDropZone();
queue.addEventListener("change", (event) => paintSoon(event.detail));
queue.addEventListener("settled", () => {
  paintTotals();
  // The next step is one Enter away, unless something can still be sent again.
  if (!submitButton.disabled && queue.count("failed") === 0) submitButton.focus();
});
startButton.addEventListener("click", start);
retryButton.addEventListener("click", () => queue.retry());
submitButton.addEventListener("click", submit);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
addEventListener("beforeunload", (event) => {
  if (queue.isBusy && !isSubmitted) event.preventDefault();
});
paintTotals();
