/** Map of the confirmed hazards on the page. */

import { fitPoints, makeMap, readColor } from "./plain_map.js";

const element = document.getElementById("hazard-map");
const rows = [...document.querySelectorAll("tr[data-lat]")];

function focusRow(row) {
  for (const each of rows) each.classList.toggle("is-current", each === row);
  row.scrollIntoView({ block: "nearest" });
}

if (element && rows.length > 0) {
  const map = makeMap(element);
  const color = readColor("--danger");
  for (const row of rows) {
    const point = [Number(row.dataset.lat), Number(row.dataset.lon)];
    const marker = globalThis.L.circleMarker(point, {
      radius: 7, color, weight: 2, fillColor: color, fillOpacity: 0.35,
    });
    marker.bindTooltip(row.dataset.title);
    marker.on("click", () => focusRow(row));
    marker.addTo(map);
    row.addEventListener("click", (event) => {
      if (!event.target.closest("a, button")) {
        focusRow(row);
        map.setView(point, Math.max(map.getZoom(), 18));
      }
    });
  }
  fitPoints(map, rows.map((row) => [Number(row.dataset.lat), Number(row.dataset.lon)]), 19);
}
