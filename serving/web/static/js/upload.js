/** The page "new flight": choose, see what is wrong, send, submit. */

import { ApiError } from "./api.js";
import { CheckSummary } from "./check_summary.js";
import { wireDropZone } from "./drop_zone.js";
import { makeFlight, submitFlight } from "./flight_acts.js";
import { RateMeter, formatBytes, formatDuration } from "./format.js";
import { _ } from "./i18n.js";
import { Precheck } from "./precheck.js";
import { showToast } from "./toast.js";
import { UploadLink } from "./upload_link.js";
import { UploadQueue } from "./upload_queue.js";
import { UploadTable } from "./upload_table.js";
import { describeTrouble, judgeCard, paintVerdict } from "./upload_verdict.js";

const REPAINT_MS = 250;
const VERIFY_MS = 3000;

const $ = (id) => document.getElementById(id);
const form = $("upload-form");
const link = new UploadLink();
const queue = new UploadQueue(link);
const precheck = new Precheck({ photo: Number(form.dataset.maxPhoto), archive: Number(form.dataset.maxArchive) });
const meter = new RateMeter();
const dirty = new Set();
let flightId = form.dataset.flightId || null;
let isSubmitted = false;
let isListOld = false;
let repaint = 0;
let verifying = 0;

const table = new UploadTable({
  frame: $("file-frame"), body: $("file-rows"), chips: $("state-chips"), onFilter: () => paintAll(),
});
const findings = new CheckSummary($("findings"), {
  onShow: (code) => table.filter({ state: null, code: table.code === code ? null : code }),
  onChoose: (items, choice) => queue.choose(items, choice),
});

function flightKind() {
  return new FormData(form).get("kind") ?? form.dataset.kind;
}

function tellTrouble(error) {
  if (!(error instanceof ApiError)) throw error;
  showToast([error.message, error.remedy].join(" "), { tone: "danger", lastsMs: 12_000 });
}

function describeTotals() {
  const { total, sent } = queue.items.bytes;
  const counts = queue.items.count();
  const done = counts.accepted + counts.rejected;
  const parts = [
    _("{done} of {count} files", { done, count: queue.items.list.length - counts.left_out }),
    `${formatBytes(sent)} / ${formatBytes(total)}`,
  ];
  if (counts.sending > 0 && link.state === "up" && meter.perSecond > 0) {
    parts.push(`${formatBytes(meter.perSecond)}/s`);
    parts.push(_("{time} left", { time: formatDuration(meter.secondsFor(total - sent)) }));
  }
  return parts.join(" · ");
}

function paintTotals() {
  const { total, sent } = queue.items.bytes;
  $("upload-panel").hidden = $("files-panel").hidden = queue.items.list.length === 0;
  $("upload-bar").max = Math.max(1, total);
  $("upload-bar").value = sent;
  $("upload-summary").textContent = describeTotals();
  const trouble = describeTrouble(queue);
  $("upload-trouble").hidden = trouble === "";
  if ($("upload-trouble").textContent !== trouble) $("upload-trouble").textContent = trouble;
  paintVerdict($("card-verdict"), judgeCard(queue), `/flights/${flightId}/receipt`);
}

function paintButtons() {
  const counts = queue.items.count();
  const taken = counts.accepted + counts.checking + counts.sending;
  $("start-upload").hidden = queue.isStarted;
  $("start-upload").disabled = queue.items.list.length === 0;
  $("retry-failed").hidden = counts.failed === 0;
  $("submit-flight").hidden = flightId === null || (counts.accepted === 0 && !queue.isStarted);
  $("submit-flight").disabled = queue.isBusy || counts.accepted === 0 || isSubmitted;
  $("auto-submit").parentElement.hidden = !queue.isStarted || !queue.isBusy || taken === 0;
}

function paintCheck() {
  const items = queue.items.list.filter((item) => item.file);
  const count = findings.paint(items);
  $("check-panel").hidden = items.length === 0;
  const faulty = items.filter((item) => item.codes.length > 0).length;
  $("check-text").textContent = precheck.isBusy
    ? _("Looking at the files… {done} of {count}", { done: precheck.done, count: items.length })
    : count === 0
      ? _("{count} files, nothing stands out.", { count: items.length })
      : _("{good} files without a finding, {faulty} with.", { good: items.length - faulty, faulty });
}

function paintAll() {
  isListOld = false;
  table.show(queue.items.list);
  table.paintChips(queue.items.list);
  paintTotals();
  paintButtons();
  paintCheck();
}

/** Paint at most four times a second: thousands of files report progress. */
function paintSoon(item = null) {
  if (item) dirty.add(item);
  else isListOld = true;
  repaint ||= setTimeout(() => {
    repaint = 0;
    meter.add(queue.moved, performance.now());
    if (isListOld) paintAll();
    else paintDirty();
    dirty.clear();
  }, REPAINT_MS);
}

function paintDirty() {
  for (const each of dirty) table.refresh(each);
  table.paintChips(queue.items.list);
  paintTotals();
  paintButtons();
}

function take(files) {
  if (files.length === 0) {
    showToast(_("Nothing to upload was found there."), { tone: "warn" });
    return;
  }
  const added = queue.items.addFiles(files);
  const known = files.length - added.length;
  if (known > 0) showToast(_("{count} files were already in the list.", { count: known }));
  precheck.flightKind = flightKind();
  precheck.add(added);
  paintAll();
}

async function start() {
  if (!form.reportValidity() || queue.isStarted) return;
  $("start-upload").disabled = true;
  const fields = new FormData(form);
  try {
    flightId ??= await makeFlight({
      name: fields.get("name").trim(), kind: fields.get("kind"), site: fields.get("site")?.trim(),
      views: fields.get("views"),
    });
  } catch (error) {
    $("start-upload").disabled = false;
    tellTrouble(error);
    return;
  }
  // A reload or a crash from here on finds the flight again and goes on.
  history.replaceState(null, "", `/flights/new?flight_id=${encodeURIComponent(flightId)}`);
  for (const field of form.elements) {
    if (field.name) field.disabled = true;
  }
  form.dataset.kind = fields.get("kind") ?? form.dataset.kind;
  queue.start(flightId);
  paintAll();
}

async function submit() {
  const { expected, transferring } = queue.counts;
  const open = expected + transferring;
  const question = _("{count} files have not arrived and would be left out of this flight for good. Submit all the same?", { count: open });
  if (open > 0 && !globalThis.confirm(question)) return;
  $("submit-flight").disabled = true;
  try {
    await submitFlight(flightId, { leaveOutOpen: open > 0 });
  } catch (error) {
    $("submit-flight").disabled = false;
    tellTrouble(error);
    return;
  }
  isSubmitted = true;
  location.assign(`/flights/${flightId}`);
}

/** The last files are in: submit if that was asked for, else put the next step under Enter. */
function settle() {
  paintAll();
  const { failed, missing } = queue.items.count();
  if (failed + missing === 0 && $("auto-submit").checked && !isSubmitted) submit();
  else if (!$("submit-flight").disabled && failed + missing === 0) $("submit-flight").focus();
  verify();
}

/** The server reads what it stored once more; then it says that the card may be wiped. */
function verify() {
  clearTimeout(verifying); // each batch that settles asks anew: one question at a time is enough
  if (queue.isBusy || queue.counts?.card_may_be_wiped || isSubmitted) return;
  if (queue.items.count().accepted === 0) return;
  verifying = setTimeout(() => queue.look().then(verify), VERIFY_MS);
}

wireDropZone($("drop-zone"), [$("choose-files"), $("choose-folder")], take);
precheck.addEventListener("change", () => paintSoon());
precheck.addEventListener("settled", () => {
  queue.send();
  paintAll();
});
queue.addEventListener("change", (event) => paintSoon(event.detail));
queue.addEventListener("settled", settle);
queue.addEventListener("trouble", (event) => tellTrouble(event.detail));
link.addEventListener("change", () => paintSoon());
$("start-upload").addEventListener("click", start);
$("retry-failed").addEventListener("click", () => queue.retry());
$("submit-flight").addEventListener("click", submit);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
form.addEventListener("change", () => {
  precheck.judge(flightKind());
  paintAll();
});
addEventListener("beforeunload", (event) => {
  if (queue.isBusy && !isSubmitted) event.preventDefault();
});
if (flightId) queue.open(flightId).then(paintAll, tellTrouble);
paintAll();
