/** A Leaflet map that needs no tiles: a metric grid, positions, error ellipses. */

import { _ } from "./i18n.js";

const L = globalThis.L;
const MERCATOR_RADIUS_M = 6_378_137;
const GRID_TARGET_PX = 90;

/** Read a colour of the style sheet, so that maps follow dark mode. */
export function readColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Round up to 1, 2 or 5 times a power of ten. */
function roundSpacing(metres) {
  const power = 10 ** Math.floor(Math.log10(metres));
  return [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= metres);
}

/** Lines every so many ground metres, with the spacing chosen from the zoom. */
function drawGrid(map, layer) {
  layer.clearLayers();
  const bounds = map.getBounds();
  const latitude = map.getCenter().lat;
  const stretch = 1 / Math.max(0.05, Math.cos((latitude * Math.PI) / 180));
  const metresPerPx = (2 * Math.PI * MERCATOR_RADIUS_M) / (256 * 2 ** map.getZoom() * stretch);
  const step = roundSpacing(metresPerPx * GRID_TARGET_PX) * stretch;
  const low = L.CRS.EPSG3857.project(bounds.getSouthWest());
  const high = L.CRS.EPSG3857.project(bounds.getNorthEast());
  const style = { color: readColor("--map-grid"), weight: 1, interactive: false };
  const add = (from, to) => layer.addLayer(L.polyline(
    [from, to].map(([x, y]) => L.CRS.EPSG3857.unproject(L.point(x, y))), style));
  for (let x = Math.ceil(low.x / step) * step; x <= high.x; x += step) add([x, low.y], [x, high.y]);
  for (let y = Math.ceil(low.y / step) * step; y <= high.y; y += step) add([low.x, y], [high.x, y]);
}

/** Name whose base map it is, as plain text. */
function addCredit(map, text) {
  if (!text) return;
  const credit = L.control({ position: "bottomright" });
  credit.onAdd = () => {
    const element = document.createElement("div");
    element.className = "map-credit";
    element.textContent = text;
    return element;
  };
  credit.addTo(map);
}

/**
 * Make a map in `element`; `data-tiles-url` on it adds a base map where the operator set one.
 * A canvas (`manyShapes`) draws thousands of shapes, but a map with one must never be removed:
 * Leaflet's canvas redraws after its end.
 */
export function makeMap(element, { manyShapes = false } = {}) {
  const map = L.map(element, {
    attributionControl: false, preferCanvas: manyShapes, zoomControl: false, maxZoom: 22, minZoom: 2,
    zoomSnap: 0.25, fadeAnimation: false,
  });
  L.control.zoom({ zoomInTitle: _("Zoom in"), zoomOutTitle: _("Zoom out") }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  map.createPane("grid").style.zIndex = 250;
  if (element.dataset.tilesUrl) {
    L.tileLayer(element.dataset.tilesUrl, { maxZoom: 22, maxNativeZoom: 19 }).addTo(map);
    addCredit(map, element.dataset.tilesAttribution);
  } else {
    const grid = L.layerGroup([], { pane: "grid" }).addTo(map);
    map.on("moveend zoomend resize", () => drawGrid(map, grid));
  }
  map.setView([0, 0], 2);
  const observer = new ResizeObserver(() => map.invalidateSize());
  observer.observe(element);
  map.on("unload", () => observer.disconnect());
  return map;
}

/**
 * Corners of an error ellipse as [lat, lon]: semi-axes in metres, the angle that of the longer
 * axis, clockwise from north.
 */
export function ellipseCorners(lon, lat, { semi_major_m: major, semi_minor_m: minor, angle_deg: angle }) {
  const radians = (angle * Math.PI) / 180;
  const metresPerDegree = (Math.PI / 180) * MERCATOR_RADIUS_M;
  return Array.from({ length: 48 }, (_unused, index) => {
    const turn = (index / 48) * 2 * Math.PI;
    const along = major * Math.cos(turn);
    const across = minor * Math.sin(turn);
    const east = along * Math.sin(radians) + across * Math.cos(radians);
    const north = along * Math.cos(radians) - across * Math.sin(radians);
    return [
      lat + north / metresPerDegree,
      lon + east / (metresPerDegree * Math.cos((lat * Math.PI) / 180)),
    ];
  });
}

/** A camera position, with a tick towards where it looked. */
export function cameraMarker(photo, { color, radius = 4 }) {
  const marker = L.circleMarker([photo.lat, photo.lon], {
    radius, color, weight: 1, fillColor: color, fillOpacity: 0.7,
  });
  if (photo.yaw_deg === null || photo.yaw_deg === undefined) return [marker];
  const yaw = (photo.yaw_deg * Math.PI) / 180;
  const reach = 6 / ((Math.PI / 180) * MERCATOR_RADIUS_M);
  const tip = [
    photo.lat + reach * Math.cos(yaw),
    photo.lon + (reach * Math.sin(yaw)) / Math.cos((photo.lat * Math.PI) / 180),
  ];
  return [L.polyline([[photo.lat, photo.lon], tip], { color, weight: 2, interactive: false }), marker];
}

/** Fit `points` ([lat, lon]) with a margin; a single point gets a street-sized window. */
export function fitPoints(map, points, maxZoom = 20) {
  if (points.length === 0) return false;
  map.fitBounds(L.latLngBounds(points), {
    maxZoom, animate: false, paddingTopLeft: [52, 22], paddingBottomRight: [22, 30],
  });
  return true;
}
