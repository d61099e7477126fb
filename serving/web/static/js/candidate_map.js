/** The small map beside a candidate: position, 95 % error ellipse, cameras with what they saw. */

import { cameraMarker, ellipseCorners, fitPoints, makeMap, readColor } from "./plain_map.js";

const METRES_PER_DEGREE = 111_320;
const STEEP_PITCH_DEG = -75; // looking straight down there is no direction to draw
const LEAST_REACH_M = 6;

/** The corners of what a camera looks at, as far as the place: [lat, lon] each. */
function viewCone(photo, place) {
  const { lat, lon, yaw_deg: yaw, pitch_deg: pitch, focal_px: focal, width_px: width } = photo;
  if (yaw === null || focal === null || (pitch !== null && pitch < STEEP_PITCH_DEG)) return null;
  const east = Math.cos((lat * Math.PI) / 180) * METRES_PER_DEGREE;
  const toPlace = place
    ? Math.hypot((place[1] - lon) * east, (place[0] - lat) * METRES_PER_DEGREE) : LEAST_REACH_M;
  const reach = Math.max(LEAST_REACH_M, toPlace * 1.15);
  const half = Math.atan(width / 2 / focal);
  const steps = [-1, -0.5, 0, 0.5, 1];
  const arc = steps.map((step) => (yaw * Math.PI) / 180 + step * half).map((angle) => [
    lat + (reach * Math.cos(angle)) / METRES_PER_DEGREE, lon + (reach * Math.sin(angle)) / east,
  ]);
  return [[lat, lon], ...arc];
}

/** Draw the map of `candidate` into `element`; returns the map (call `remove()` on it). */
export function drawCandidateMap(element, candidate) {
  const L = globalThis.L;
  const map = makeMap(element);
  const points = [];
  const cameraColor = readColor("--map-route");
  const place = candidate.lon === null ? null : [candidate.lat, candidate.lon];
  for (const { photo } of candidate.sightings) {
    if (photo.lon === null || photo.lat === null) continue;
    points.push([photo.lat, photo.lon]);
    const cone = viewCone(photo, place);
    if (cone) {
      map.addLayer(L.polygon(cone, {
        color: cameraColor, weight: 0.5, fillOpacity: 0.08, interactive: false,
      }));
    }
    if (place) {
      map.addLayer(L.polyline([[photo.lat, photo.lon], place], {
        color: cameraColor, weight: 1, dashArray: "2 4", interactive: false,
      }));
    }
    for (const shape of cameraMarker(photo, { color: cameraColor })) map.addLayer(shape);
  }
  if (place) {
    const color = readColor("--danger");
    if (candidate.ellipse) {
      const corners = ellipseCorners(candidate.lon, candidate.lat, candidate.ellipse);
      points.push(...corners);
      map.addLayer(L.polygon(corners, {
        color, weight: 1.5, fillOpacity: 0.12, smoothFactor: 0, interactive: false,
      }));
    }
    points.push(place);
    map.addLayer(L.circleMarker(place, { radius: 4, color, weight: 2, fillOpacity: 1 }));
  }
  fitPoints(map, points, 19);
  return map;
}
