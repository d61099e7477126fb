/**
 * How two photos of one roof lie over each other: what `PhotoPair` wants of each side. Corner
 * follows corner in both outlines, for both are one ring that was projected. Pure.
 */

const LARGEST_MISFIT = 0.08; // of the size; beyond, one looks slantwise, and turned it would lie askew
const WORST = 9;
const SIZE_M = 3.2; // the first look then shows the roof with as much round it

function middleOf(points) {
  const sum = points.reduce(([x, y], [px, py]) => [x + px, y + py], [0, 0]);
  return sum.map((value) => value / points.length);
}

function sizeOf([xMin, yMin, xMax, yMax]) {
  return Math.max(xMax - xMin, yMax - yMin, 1);
}

/** Scale, turn (degrees, clockwise) and misfit of ring `one` laid on ring `other`; null: no ring. */
export function fitRings(one, other) {
  if (!one || !other || one.length !== other.length || one.length < 3) return null;
  const [a, b] = [middleOf(one), middleOf(other)];
  let [along, across, spread, total] = [0, 0, 0, 0];
  one.forEach(([x, y], index) => {
    const [px, py] = [x - a[0], y - a[1]];
    const [qx, qy] = [other[index][0] - b[0], other[index][1] - b[1]];
    along += px * qx + py * qy;
    across += px * qy - py * qx;
    spread += px * px + py * py;
    total += qx * qx + qy * qy;
  });
  if (spread === 0 || total === 0) return null;
  const scale = Math.hypot(along, across) / spread;
  const misfit = Math.sqrt(Math.max(0, total - scale * scale * spread) / total);
  return { scale, turnDeg: (Math.atan2(across, along) * 180) / Math.PI, misfit };
}

/** How unlike two photos look at the roof: from elsewhere, or with another side up. */
function unlikeness(one, other) {
  const fit = fitRings(one.polygons[0], other.polygons[0]);
  return fit === null ? WORST : fit.misfit + (1 - Math.cos((fit.turnDeg * Math.PI) / 180)) / 4;
}

/** Pairs [before, now]: each photo of now, best first, with the most alike of before. */
export function pairPhotos({ before, after }) {
  if (before.length === 0) return [];
  return after.map((now) => {
    const unlike = before.map((each) => unlikeness(now, each));
    return [before[unlike.indexOf(Math.min(...unlike))], now];
  });
}

/** The ties of the two sides: [before, now]. */
export function tieBuilding(before, now) {
  const fit = fitRings(now.polygons[0], before.polygons[0]);
  const perMetre = sizeOf(now.bbox_xyxy) / SIZE_M;
  const [xMin, yMin, xMax, yMax] = before.bbox_xyxy;
  const [left, top, right, bottom] = now.bbox_xyxy;
  if (fit === null || fit.misfit > LARGEST_MISFIT) {
    return [
      { point_px: [(xMin + xMax) / 2, (yMin + yMax) / 2], px_per_m: sizeOf(before.bbox_xyxy) / SIZE_M, turn_deg: null },
      { point_px: [(left + right) / 2, (top + bottom) / 2], px_per_m: perMetre, turn_deg: null },
    ];
  }
  return [
    { point_px: middleOf(before.polygons[0]), px_per_m: perMetre * fit.scale, turn_deg: fit.turnDeg },
    { point_px: middleOf(now.polygons[0]), px_per_m: perMetre, turn_deg: 0 },
  ];
}
