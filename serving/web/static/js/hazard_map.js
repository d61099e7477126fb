/** Map of all confirmed hazards, whether or not their rows are on the page yet. */

import { request } from "./api.js";
import { _ } from "./i18n.js";
import { fitPoints, makeMap, readColor } from "./plain_map.js";
import { showToast } from "./toast.js";

const element = document.getElementById("hazard-map");

function rowOf(id) {
  return document.getElementById(`hazard-${id}`);
}

function focusRow(row) {
  for (const each of document.querySelectorAll("tr.is-current")) each.classList.remove("is-current");
  row.classList.add("is-current");
  row.scrollIntoView({ block: "nearest" });
}

/** A hazard on the page is shown in its row; another has a page of its own. */
function open(id) {
  const row = rowOf(id);
  if (row) focusRow(row);
  else location.assign(`/review/${id}?state=confirmed`);
}

function addMarkers(map, items, names) {
  const color = readColor("--danger");
  for (const item of items) {
    const marker = globalThis.L.circleMarker([item.lat, item.lon], {
      radius: 7, color, weight: 2, fillColor: color, fillOpacity: 0.35,
    });
    marker.bindTooltip(`${names[item.hazard_class] ?? item.hazard_class} #${item.id}`);
    marker.on("click", () => open(item.id)).addTo(map);
  }
}

/** Rows that are loaded later are heard as well. */
function followRows(map) {
  document.querySelector("table.hazards").addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-lat]");
    if (!row || event.target.closest("a, button")) return;
    focusRow(row);
    const point = [Number(row.dataset.lat), Number(row.dataset.lon)];
    map.setView(point, Math.max(map.getZoom(), 18));
  });
}

/** Say what the map does not show. */
function tellMissing(isCut, unplaced) {
  const said = [
    isCut ? _("The map shows the latest 20,000 hazards. All are in the files.") : "",
    unplaced ? _("Not on the map, because their place is not known: {count}.", { count: unplaced }) : "",
  ];
  const note = document.getElementById("hazard-map-note");
  note.textContent = said.filter(Boolean).join(" ");
  note.hidden = note.textContent === "";
}

async function draw() {
  const map = makeMap(element, { manyShapes: true });
  followRows(map);
  const { items, is_cut: isCut, unplaced } = await request("GET", "/hazards/points");
  addMarkers(map, items, JSON.parse(document.getElementById("class-names").textContent));
  fitPoints(map, items.map((item) => [item.lat, item.lon]), 19);
  tellMissing(isCut, unplaced);
}

if (element) {
  draw().catch((error) => {
    showToast([error.message, error.remedy].filter(Boolean).join(" "), { tone: "danger" });
  });
}
