/** The page "photo on site": each photo goes out at once, a street flight comes into being with it. */

import { ApiError } from "./api.js";
import { describeFinding } from "./check_texts.js";
import { makeFlight, submitFlight } from "./flight_acts.js";
import { formatBytes } from "./format.js";
import { _ } from "./i18n.js";
import { Precheck } from "./precheck.js";
import { showToast } from "./toast.js";
import { UploadLink } from "./upload_link.js";
import { UploadQueue } from "./upload_queue.js";
import { describeTrouble } from "./upload_verdict.js";

const REPAINT_MS = 250;
const STATE_TEXTS = {
  reading: _("Being looked at"), waiting: _("To be sent"), sending: _("Sending"),
  checking: _("Being checked"), accepted: _("Received"), rejected: _("Refused"),
  failed: _("Failed"), left_out: _("Left out"), missing: _("Only on the card"),
};

const $ = (id) => document.getElementById(id);
const form = $("field-form");
const link = new UploadLink();
const queue = new UploadQueue(link);
const limit = Number(form.dataset.maxPhoto);
const precheck = new Precheck({ photo: limit, archive: limit });
const shots = new Map();
let flightId = form.dataset.flightId || null;
let making = null;
let isSubmitted = false;
let repaint = 0;

/** Phones call every photo image.jpg; the moment tells them apart. */
function nameShot(file, index) {
  const stamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  const isGeneric = /^(image|photo)\.\w+$/i.test(file.name);
  return isGeneric ? `${stamp}-${index + 1}.${file.type === "image/png" ? "png" : "jpg"}` : file.name;
}

function makeTile(item) {
  const tile = document.createElement("li");
  const picture = document.createElement("img");
  if (item.file) picture.src = URL.createObjectURL(item.file);
  picture.alt = item.path;
  picture.addEventListener("load", () => URL.revokeObjectURL(picture.src));
  const state = document.createElement("span");
  const reason = document.createElement("span");
  reason.className = "muted";
  tile.append(picture, state, reason);
  $("shots").prepend(tile);
  shots.set(item, tile);
  return tile;
}

function paintTile(item) {
  const tile = shots.get(item) ?? makeTile(item);
  const [, state, reason] = tile.children;
  tile.dataset.state = item.state;
  state.className = `tag tag-${item.state}`;
  const share = item.state === "sending" ? ` ${Math.floor((100 * item.sent) / Math.max(1, item.size))} %` : "";
  state.textContent = STATE_TEXTS[item.state] + share;
  const code = item.state === "rejected" || item.state === "failed" ? item.code : item.codes[0];
  reason.textContent = code ? describeFinding(code).message : "";
}

function paint() {
  const list = queue.items.list;
  for (const item of list) paintTile(item);
  const counts = queue.items.count();
  const trouble = describeTrouble(queue);
  $("upload-trouble").hidden = trouble === "";
  $("upload-trouble").textContent = trouble;
  $("field-summary").textContent = list.length === 0 ? "" : [
    _("{done} of {count} files", { done: counts.accepted + counts.rejected, count: list.length }),
    formatBytes(queue.items.bytes.total),
  ].join(" · ");
  $("shot-label").textContent = list.length > 0 ? _("Take another photo") : _("Take a photo");
  $("submit-flight").hidden = list.length === 0;
  $("submit-flight").disabled = queue.isBusy || counts.accepted === 0 || isSubmitted;
}

function paintSoon() {
  repaint ||= setTimeout(() => {
    repaint = 0;
    paint();
  }, REPAINT_MS);
}

function tellTrouble(error) {
  if (!(error instanceof ApiError)) throw error;
  showToast([error.message, error.remedy].join(" "), { tone: "danger", lastsMs: 12_000 });
}

/** The flight of these photos, made with the first of them; a broken link is waited for. */
async function ensureFlight() {
  const site = new FormData(form).get("site")?.trim();
  flightId ??= await link.persist(() => makeFlight({ name: form.dataset.name, kind: "street", site }));
  history.replaceState(null, "", `/flights/field?flight_id=${encodeURIComponent(flightId)}`);
  if (form.elements.site) form.elements.site.disabled = true;
}

function take(field) {
  const files = [...field.files].map((file, index) => ({ file, path: nameShot(file, index) }));
  field.value = "";
  precheck.flightKind = "street";
  precheck.add(queue.items.addFiles(files));
  paint();
  making ??= ensureFlight().then(() => queue.start(flightId), (error) => {
    making = null;
    tellTrouble(error);
  });
}

async function submit() {
  isSubmitted = true;
  paint();
  try {
    await submitFlight(flightId);
    location.assign(`/flights/${flightId}`);
  } catch (error) {
    isSubmitted = false;
    paint();
    tellTrouble(error);
  }
}

for (const id of ["take-photo", "pick-photos"]) $(id).addEventListener("change", (event) => take(event.target));
precheck.addEventListener("settled", () => {
  queue.send();
  paint();
});
queue.addEventListener("change", paintSoon);
queue.addEventListener("settled", paint);
queue.addEventListener("trouble", (event) => tellTrouble(event.detail));
link.addEventListener("change", paintSoon);
$("submit-flight").addEventListener("click", submit);
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("beforeunload", (event) => {
  if (queue.isBusy && !isSubmitted) event.preventDefault();
});
if (flightId) queue.open(flightId).then(paint, tellTrouble);
paint();
