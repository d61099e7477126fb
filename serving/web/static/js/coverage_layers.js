/** What a flight covers, on its map: footprints, buildings and covers by how they were seen, spots. */

import { describeProblem } from "./api.js";
import { _ } from "./i18n.js";
import { readColor } from "./plain_map.js";

const STATE_COLORS = {
  seen: "--ok", partly_seen: "--warn", too_coarse: "--warn", poor_photo: "--warn", not_seen: "--danger",
};
const STATE_TEXTS = {
  seen: _("Seen"), partly_seen: _("Seen in part"), too_coarse: _("Too coarse"),
  poor_photo: _("Poor photos only"), not_seen: _("Not seen"),
};
const KIND_TEXTS = { building: _("Building"), cover: _("Manhole cover"), gap: _("Gap in the area") };

/** Lines of text as nodes: names of files and fields are never taken for markup. */
function describeLines(lines) {
  const box = document.createElement("div");
  box.className = "map-popup";
  for (const line of lines.filter(Boolean)) {
    const row = document.createElement("div");
    row.textContent = line;
    box.append(row);
  }
  return box;
}

function describeTarget({ kind, id, name, state, gsd_m: gsd, max_gsd_m: limit }) {
  const pixel = gsd === null || gsd === undefined ? "" : _("{gsd} cm per pixel, needed {limit} cm", {
    gsd: (gsd * 100).toFixed(1), limit: (limit * 100).toFixed(1),
  });
  return describeLines([
    `${KIND_TEXTS[kind] ?? kind} ${name || id || ""}`.trim(), STATE_TEXTS[state] ?? "", pixel,
  ]);
}

function describeSpot({ spot, items, max_height_m: height }) {
  return describeLines([
    _("Fly again: spot {number}", { number: spot }),
    _("{count} things", { count: items.length }),
    height ? _("at most {height} m above them", { height }) : "",
  ]);
}

/** Whether a code names a fault of the picture itself; coarse pixels are a matter of the height. */
function isPictureFault(code) {
  return !code.startsWith("photo_too_coarse");
}

/** Footprints of the photos; those of a photo with faults stand out. */
export function drawFootprints(document_) {
  const plain = readColor("--accent");
  const faulty = readColor("--warn");
  return globalThis.L.geoJSON(drawable(document_), {
    style: ({ properties }) => {
      const isFaulty = properties.flags.some(isPictureFault);
      return {
        color: isFaulty ? faulty : plain, weight: isFaulty ? 1.5 : 1, opacity: 0.55, fillOpacity: 0.05,
        interactive: false,
      };
    },
  });
}

function styleTarget({ properties: { kind, state } }) {
  const color = readColor(STATE_COLORS[state] ?? "--accent");
  if (kind === "covered") return { color, weight: 1, opacity: 0.4, fillOpacity: 0.1, interactive: false };
  if (kind === "area") return { color, weight: 2, dashArray: "2 5", fill: false, interactive: false };
  return { color, weight: kind === "gap" ? 0.5 : 1.5, fillOpacity: kind === "gap" ? 0.07 : 0.22 };
}

/**
 * The ground covered, areas, their gaps, buildings and covers, coloured by how they were seen; `shapes` is filled with
 * what can be pointed at, by "kind:id".
 */
export function drawTargets(document_, shapes) {
  const L = globalThis.L;
  return L.geoJSON(drawable(document_), {
    style: styleTarget,
    pointToLayer: (feature, place) => L.circleMarker(place, {
      ...styleTarget(feature), radius: 5, weight: 2, fillOpacity: 0.5,
    }),
    onEachFeature: ({ properties }, shape) => {
      if (properties.kind === "area" || properties.kind === "covered") return;
      shapes.set(`${properties.kind}:${properties.id}`, shape);
      shape.bindPopup(() => describeTarget(properties));
    },
  });
}

/** The spots to fly again. */
export function drawSpots(document_) {
  const spots = { ...document_, features: document_.features.filter((one) => one.properties.kind === "spot") };
  const color = readColor("--danger");
  return globalThis.L.geoJSON(drawable(spots), {
    style: { color, weight: 2, dashArray: "6 4", fillOpacity: 0.04 },
    onEachFeature: (feature, shape) => shape.bindPopup(() => describeSpot(feature.properties)),
  });
}

/** What is wrong with each photo, by its number. */
export function listFaults(footprints) {
  return new Map(footprints.features.map(({ id, properties: { flags, refused } }) => [
    String(id), describeFaults(refused ? [...flags, refused] : flags),
  ]));
}

/** Sentences for codes, and whether the photo itself is at fault. */
export function describeFaults(codes) {
  return {
    texts: codes.map((code) => describeProblem(code).message), isFlawed: codes.some(isPictureFault),
  };
}

function drawable(document_) {
  return { ...document_, features: document_.features.filter((one) => one.geometry !== null) };
}
