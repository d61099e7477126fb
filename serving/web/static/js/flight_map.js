/** Map of a flight: where each photo was taken, which way it looked, and what all of them cover. */

import { ApiError, describeProblem, listAll, request } from "./api.js";
import {
  describeFaults, drawFootprints, drawSpots, drawTargets, listFaults,
} from "./coverage_layers.js";
import { _ } from "./i18n.js";
import { cameraMarker, fitPoints, makeMap, readColor } from "./plain_map.js";

const STATE_COLORS = { done: "--ok", failed: "--danger", queued: "--muted", left_out: "--line-strong" };
const RELOAD_MS = 6000;
const RELOAD_MS_PER_PHOTO = 5; // a large flight is asked for less often
const NARROW_PX = 640;
const MANY_PHOTOS = 200; // their footprints hide what lies below

function describePhoto(photo, faults) {
  const box = document.createElement("div");
  box.className = "map-popup";
  const image = document.createElement("img");
  image.src = `${photo.thumbnail_url}?size=256`;
  image.alt = photo.name;
  image.width = 200;
  box.append(image);
  for (const [text, className] of [[photo.name, ""], ...faults.map((fault) => [fault, "bad"])]) {
    const line = document.createElement("div");
    line.textContent = text;
    line.className = className;
    box.append(line);
  }
  return box;
}

class FlightMap {
  constructor(element) {
    this.element = element;
    this.note = document.getElementById("map-note");
    this.map = makeMap(element, { manyShapes: true });
    this.layer = globalThis.L.layerGroup().addTo(this.map);
    this.overlays = null;
    this.photos = [];
    this.faults = new Map();
    this.targets = new Map();
    this.computedAt = "";
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
    this.photos = placed;
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
    const faulty = readColor("--warn");
    const radius = photos.length > MANY_PHOTOS ? 2.5 : 4;
    const route = photos.map((photo) => [photo.lat, photo.lon]);
    this.layer.addLayer(globalThis.L.polyline(
      route, { color: readColor("--map-route"), weight: 1, dashArray: "3 4", interactive: false }));
    for (const photo of photos) {
      const { texts, isFlawed } = this.faults.get(String(photo.id)) ?? describeFaults(photo.flags);
      const color = isFlawed ? faulty : colors[photo.state] ?? colors.queued;
      for (const shape of cameraMarker(photo, { color, radius })) {
        if (shape.getRadius) shape.bindPopup(() => describePhoto(photo, texts), { minWidth: 200 });
        this.layer.addLayer(shape);
      }
    }
    if (!this.isFitted) this.isFitted = fitPoints(this.map, route, 21);
  }

  /** Draw what was computed last, once; `computedAt` is empty where nothing was. */
  async loadCoverage(computedAt) {
    if (!computedAt || computedAt === this.computedAt) return;
    this.computedAt = computedAt;
    const folder = `/flights/${this.element.dataset.flightId}/coverage`;
    const [footprints, targets, spots] = await Promise.all(
      ["footprints.geojson", "targets.geojson", "refly.geojson"].map(
        (name) => request("GET", `${folder}/${name}`, { timeoutMs: 60_000 })));
    this.faults = listFaults(footprints);
    this.targets = new Map();
    const things = drawTargets(targets, this.targets);
    const ground = drawFootprints(footprints);
    this.showOverlays({
      [_("Footprints")]: ground,
      [_("Buildings and covers")]: things,
      [_("To fly again")]: drawSpots(spots),
    });
    // Oblique photos reach far; what was to be seen says better where to look.
    const wanted = globalThis.L.featureGroup([...this.targets.values()]);
    this.fitTo(this.targets.size > 0 ? wanted : ground);
    document.getElementById("coverage-legend").hidden = this.targets.size === 0;
    if (this.photos.length > 0) this.draw(this.photos);
  }

  showOverlays(groups) {
    for (const old of Object.values(this.overlays ?? {})) old.remove();
    this.control?.remove();
    this.overlays = groups;
    for (const [name, group] of Object.entries(groups)) {
      if (name !== _("Footprints") || this.faults.size <= MANY_PHOTOS) group.addTo(this.map);
    }
    const collapsed = globalThis.innerWidth < NARROW_PX;
    this.control = globalThis.L.control.layers(
      null, { [_("Photos")]: this.layer, ...groups }, { collapsed }).addTo(this.map);
  }

  fitTo(group) {
    const shown = group.getBounds();
    for (const photo of this.photos) shown.extend([photo.lat, photo.lon]);
    if (!shown.isValid()) return;
    this.map.fitBounds(shown, { animate: false, padding: [24, 24], maxZoom: 21 });
    this.isFitted = true;
  }

  /** Show one building or cover of the list. */
  pointAt(key) {
    const shape = this.targets.get(key);
    if (!shape) return;
    const place = shape.getLatLng ? shape.getLatLng() : shape.getBounds().getCenter();
    this.map.setView(place, Math.max(this.map.getZoom(), 20), { animate: false });
    shape.openPopup(place);
    this.element.scrollIntoView({ block: "nearest" });
  }
}

async function tellTrouble(view, work) {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    view.note.textContent = describeProblem(error.code, error.message).message;
  }
}

async function keepLoaded(view) {
  await tellTrouble(view, view.load());
  const progress = document.getElementById("progress");
  if (progress?.dataset.live === "yes") {
    setTimeout(() => keepLoaded(view), RELOAD_MS + RELOAD_MS_PER_PHOTO * view.total);
  }
}

function followCoverage(view) {
  const computedAt = document.getElementById("coverage")?.dataset.computed ?? "";
  return tellTrouble(view, view.loadCoverage(computedAt));
}

const element = document.getElementById("flight-map");
if (element) {
  const view = new FlightMap(element);
  // The photos first: what is shown at the start has to hold them too.
  keepLoaded(view).then(() => followCoverage(view));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-target]");
    if (button) view.pointAt(button.dataset.target);
  });
  // The last photos arrive with the answer that ends the polling.
  document.addEventListener("htmx:after:swap", () => {
    followCoverage(view);
    if (document.getElementById("progress")?.dataset.live === "no") view.load();
  });
}
