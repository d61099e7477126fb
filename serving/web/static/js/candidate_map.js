/** The small map beside a candidate: position, 95 % error ellipse, the cameras that saw it. */

import { cameraMarker, ellipseCorners, fitPoints, makeMap, readColor } from "./plain_map.js";

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
