/** The features of one layer on a map; only those in view are asked for. */

import { ApiError, describeProblem, request } from "./api.js";
import { _ } from "./i18n.js";
import { makeMap, readColor } from "./plain_map.js";

const SETTLE_MS = 200;
const element = document.getElementById("layer-map");
const note = document.getElementById("layer-map-note");
const rows = [...document.querySelectorAll("tr[data-layer-id]")];

function describeFeature({ id, properties }) {
  const box = document.createElement("div");
  box.className = "map-popup";
  const lines = [
    properties.name || id,
    properties.name ? id : "",
    properties.height_m === null ? "" : _("{height} m high", { height: properties.height_m }),
    properties.storeys === null ? "" : _("{count} storeys", { count: properties.storeys }),
    properties.diameter_m === null ? "" : _("{size} m across", { size: properties.diameter_m }),
  ];
  for (const line of lines.filter(Boolean)) {
    const row = document.createElement("div");
    row.textContent = line;
    box.append(row);
  }
  return box;
}

function draw(features) {
  const L = globalThis.L;
  const color = readColor("--accent");
  return L.geoJSON(features, {
    style: { color, weight: 1.5, fillOpacity: 0.12 },
    pointToLayer: (_feature, place) => L.circleMarker(place, {
      radius: 4, color, weight: 1.5, fillOpacity: 0.4,
    }),
    onEachFeature: (feature, shape) => shape.bindPopup(() => describeFeature(feature)),
  });
}

class LayerMap {
  constructor() {
    this.map = makeMap(element, { manyShapes: true });
    this.shapes = null;
    this.row = null;
    this.asked = 0;
    this.map.on("moveend", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.load(), SETTLE_MS);
    });
  }

  show(row) {
    this.row = row;
    for (const each of rows) each.classList.toggle("is-current", each === row);
    this.shapes?.remove();
    const [west, south, east, north] = row.dataset.bounds.split(" ").map(Number);
    this.bounds = [[south, west], [north, east]];
    this.map.fitBounds(this.bounds, { animate: false, padding: [24, 24], maxZoom: 19 });
    this.load();
  }

  async load() {
    if (!this.row) return;
    if (this.row.dataset.kind === "terrain") {
      this.replace(globalThis.L.rectangle(this.bounds, { color: readColor("--accent"), weight: 1.5, fillOpacity: 0.08 }));
      note.textContent = _("The ground model reaches as far as the frame.");
      return;
    }
    const number = ++this.asked;
    const box = this.map.getBounds();
    const clamp = (value, limit) => Math.min(limit, Math.max(-limit, value));
    const query = new URLSearchParams({
      west: clamp(box.getWest(), 540), south: clamp(box.getSouth(), 90),
      east: clamp(box.getEast(), 540), north: clamp(box.getNorth(), 90),
    });
    try {
      const found = await request("GET", `/layers/${this.row.dataset.layerId}/features?${query}`);
      if (number !== this.asked) return; // the map moved on meanwhile
      this.replace(draw(found));
      note.textContent = found.complete
        ? _("{count} features in view.", { count: found.features.length })
        : _("The first {count} features in view; zoom in to see all.", { count: found.features.length });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      note.textContent = describeProblem(error.code, error.message).message;
    }
  }

  replace(shapes) {
    // A popup that is being read keeps its shape until the next look.
    this.shapes?.remove();
    this.shapes = shapes.addTo(this.map);
  }
}

if (element && rows.length > 0) {
  const view = new LayerMap();
  for (const row of rows) {
    row.querySelector("[data-show-layer]").addEventListener("click", () => view.show(row));
  }
  view.show(rows[0]);
}
