/** Map of a flight: where each photo was taken and which way it looked. */

import { ApiError, describeProblem, listAll } from "./api.js";
import { _ } from "./i18n.js";
import { cameraMarker, fitPoints, makeMap, readColor } from "./plain_map.js";

const STATE_COLORS = { done: "--ok", failed: "--danger", queued: "--muted" };
const RELOAD_MS = 6000;
const RELOAD_MS_PER_PHOTO = 5; // a large flight is asked for less often

function describePhoto(photo) {
  const box = document.createElement("div");
  box.className = "map-popup";
  const image = document.createElement("img");
  image.src = `${photo.thumbnail_url}?size=256`;
  image.alt = photo.name;
  image.width = 200;
  box.append(image);
  const name = document.createElement("div");
  name.textContent = photo.name;
  box.append(name);
  return box;
}

class FlightMap {
  constructor(element) {
    this.element = element;
    this.note = document.getElementById("map-note");
    this.map = makeMap(element, { manyShapes: true });
    this.layer = globalThis.L.layerGroup().addTo(this.map);
    this.isFitted = false;
    this.total = 0;
  }

  async load() {
    const placed = [];
    let total = 0;
    for await (const photo of listAll(`/flights/${this.element.dataset.flightId}/photos?limit=500`)) {
      total += 1;
      if (photo.lon !== null && photo.lat !== null) placed.push(photo);
    }
    this.total = total;
    this.element.hidden = placed.length === 0;
    if (placed.length > 0) this.draw(placed);
    const missing = total - placed.length;
    this.note.textContent = placed.length === 0
      ? _("No photo has a position yet.")
      : _("{placed} photos on the map, {missing} without a position.", { placed: placed.length, missing });
  }

  draw(photos) {
    this.map.invalidateSize();
    this.layer.clearLayers();
    const colors = Object.fromEntries(
      Object.entries(STATE_COLORS).map(([state, name]) => [state, readColor(name)]));
    const route = photos.map((photo) => [photo.lat, photo.lon]);
    this.layer.addLayer(globalThis.L.polyline(
      route, { color: readColor("--map-route"), weight: 1, dashArray: "3 4", interactive: false }));
    for (const photo of photos) {
      const color = colors[photo.state] ?? colors.queued;
      for (const shape of cameraMarker(photo, { color })) {
        if (shape.getRadius) shape.bindPopup(() => describePhoto(photo), { minWidth: 200 });
        this.layer.addLayer(shape);
      }
    }
    if (!this.isFitted) this.isFitted = fitPoints(this.map, route, 21);
  }
}

async function keepLoaded(view) {
  try {
    await view.load();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    view.note.textContent = describeProblem(error.code, error.message).message;
  }
  const progress = document.getElementById("progress");
  if (progress?.dataset.live === "yes") {
    setTimeout(() => keepLoaded(view), RELOAD_MS + RELOAD_MS_PER_PHOTO * view.total);
  }
}

const element = document.getElementById("flight-map");
if (element) {
  const view = new FlightMap(element);
  keepLoaded(view);
  // The last photos arrive with the answer that ends the polling.
  document.addEventListener("htmx:after:swap", () => {
    if (document.getElementById("progress")?.dataset.live === "no") view.load();
  });
}
