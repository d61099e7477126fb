/** The buildings of a comparison on a map, coloured by what was found; tied to the list beside it. */

import { ApiError, describeProblem, request } from "./api.js";
import { errorAt95 } from "./format.js";
import { _ } from "./i18n.js";
import { makeMap, readColor } from "./plain_map.js";

// Told apart by width, fill and dashes too: not everybody sees the colours.
const STYLES = {
  rise: { color: "--change-rise", weight: 3, fillOpacity: 0.45 },
  fall: { color: "--change-fall", weight: 3, fillOpacity: 0.45, dashArray: "8 4" },
  excess: { color: "--change-excess", weight: 2.5, fillOpacity: 0.35 },
  cannot_tell: { color: "--muted", weight: 1.5, fillOpacity: 0.05, dashArray: "2 4" },
  unchanged: { color: "--muted", weight: 1, fillOpacity: 0.12 },
};
const TEXTS = {
  rise: _("Suspected added storey, to be verified"),
  fall: _("Demolition check, to be verified"),
  excess: _("More storeys than permitted, to be verified"),
  cannot_tell: _("Cannot tell"),
  unchanged: _("No change seen"),
};

function kindOf({ verdict, is_excess: isExcess }) {
  if (verdict === "rise" || verdict === "fall") return verdict;
  return isExcess ? "excess" : verdict ?? "unchanged";
}

function describeChange({ height_change_m: change, height_change_std_m: std }) {
  if (change === null || change === undefined) return "";
  const number = `${change < 0 ? "\u2212" : "+"}${Math.abs(change).toFixed(1)}`;
  return std === null || std === undefined ? `${number} m` : `${number} ± ${errorAt95(std)} m`;
}

function describeBuilding(properties, canVerify) {
  const box = document.createElement("div");
  box.className = "map-popup";
  const kind = kindOf(properties);
  const lines = [
    properties.name || properties.building_id, properties.verdict || properties.is_excess ? TEXTS[kind] : "",
    describeChange(properties), properties.reason ? describeProblem(properties.reason).message : "",
  ];
  for (const line of lines.filter(Boolean)) {
    const row = document.createElement("div");
    row.textContent = line;
    box.append(row);
  }
  if (properties.candidate_id && canVerify) {
    const link = document.createElement("a");
    link.href = `/review/${properties.candidate_id}`;
    link.textContent = _("Verify");
    box.append(link);
  }
  return box;
}

class ChangeMap {
  constructor(element) {
    this.element = element;
    this.note = document.getElementById("change-map-note");
    this.map = makeMap(element, { manyShapes: true });
    this.shapes = new Map();
  }

  async load() {
    const found = await request("GET", this.element.dataset.shapes, { timeoutMs: 60_000 });
    const canVerify = this.element.dataset.canVerify === "yes";
    // What matters lies above what does not.
    const features = [...found.features].reverse();
    const group = globalThis.L.geoJSON(features, {
      style: ({ properties }) => {
        const { color, ...rest } = STYLES[kindOf(properties)];
        return { color: readColor(color), ...rest };
      },
      onEachFeature: (feature, shape) => {
        this.shapes.set(String(feature.id), shape);
        shape.bindPopup(() => describeBuilding(feature.properties, canVerify));
        shape.on("click", () => this.mark(String(feature.id)));
      },
    }).addTo(this.map);
    if (features.length > 0) {
      this.map.fitBounds(group.getBounds(), { animate: false, padding: [24, 24], maxZoom: 20 });
    }
    this.note.textContent = _("{count} buildings on the map.", { count: features.length });
  }

  /** Show one building of the list. */
  pointAt(number) {
    const shape = this.shapes.get(number);
    if (!shape) return;
    this.map.fitBounds(shape.getBounds(), { animate: false, maxZoom: 21, padding: [80, 80] });
    shape.openPopup();
    this.mark(number);
    this.element.scrollIntoView({ block: "nearest" });
  }

  mark(number) {
    for (const row of document.querySelectorAll("tr[data-finding-id]")) {
      row.classList.toggle("is-current", row.dataset.findingId === number);
    }
  }
}

const element = document.getElementById("change-map");
if (element) {
  const view = new ChangeMap(element);
  view.load().catch((error) => {
    if (!(error instanceof ApiError)) throw error;
    view.note.textContent = error.message;
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-show-finding]");
    if (button) view.pointAt(button.dataset.showFinding);
  });
}
