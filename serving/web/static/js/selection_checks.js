/** What only all chosen files together show: doubles, pairs that lack a half, strays. */

import { stemOfPath } from "./file_kinds.js";

const METRES_PER_DEGREE = 111_320;
// A flight stays within sight of its pilot and a day; a drive goes further. Below these nothing
// is called a stray, however close together the rest lies.
const STRAY_M = { drone: 2_000, street: 20_000 };
const STRAY_MS = 12 * 3600 * 1000;
const STRAY_SPREADS = 8;
const MIN_FOR_STRAYS = 5;

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Groups of files of one size: only these can be the same file twice. */
export function groupBySize(items) {
  const groups = new Map();
  for (const item of items) {
    if (item.size > 0) groups.set(item.size, [...(groups.get(item.size) ?? []), item]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** Items whose content (`sha256`) an earlier one of the same group has. */
export function findDoubles(groups) {
  const doubles = new Set();
  for (const group of groups) {
    const seen = new Set();
    for (const item of group) {
      if (item.sha256 === null) continue;
      if (seen.has(item.sha256)) doubles.add(item);
      seen.add(item.sha256);
    }
  }
  return doubles;
}

/** Videos without subtitles (no_track) and subtitles without a video (lonely_track), by item. */
export function findUnpaired(items) {
  const stems = { video: new Set(), subtitles: new Set() };
  for (const item of items) stems[item.kind]?.add(stemOfPath(item.path));
  const unpaired = new Map();
  for (const item of items) {
    const stem = stemOfPath(item.path);
    if (item.kind === "video" && !stems.subtitles.has(stem)) unpaired.set(item, "no_track");
    if (item.kind === "subtitles" && !stems.video.has(stem)) unpaired.set(item, "lonely_track");
  }
  return unpaired;
}

/** Photos far from where (far_from_flight) or when (another_day) most were taken, by item. */
export function findStrays(items, flightKind) {
  const strays = new Map();
  const placed = items.filter(({ facts }) => facts?.lon != null && facts.lat != null && !facts.isNullIsland);
  markPlaces(placed, STRAY_M[flightKind] ?? STRAY_M.street, strays);
  markTimes(items.filter(({ facts }) => facts?.takenMs != null), strays);
  return strays;
}

function markPlaces(placed, leastM, strays) {
  if (placed.length < MIN_FOR_STRAYS) return;
  const lon = median(placed.map(({ facts }) => facts.lon));
  const lat = median(placed.map(({ facts }) => facts.lat));
  const shrink = Math.cos((lat * Math.PI) / 180);
  const distances = placed.map(({ facts }) => METRES_PER_DEGREE
    * Math.hypot((facts.lon - lon) * shrink, facts.lat - lat));
  const limit = Math.max(leastM, STRAY_SPREADS * median(distances));
  placed.forEach((item, index) => {
    if (distances[index] > limit) strays.set(item, "far_from_flight");
  });
}

function markTimes(timed, strays) {
  if (timed.length < MIN_FOR_STRAYS) return;
  const middle = median(timed.map(({ facts }) => facts.takenMs));
  for (const item of timed) {
    if (Math.abs(item.facts.takenMs - middle) > STRAY_MS && !strays.has(item)) {
      strays.set(item, "another_day");
    }
  }
}
