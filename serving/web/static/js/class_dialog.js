/** Ask what a candidate, or one photo of it, shows in truth; the number keys choose. */

import { _ } from "./i18n.js";

const dialog = document.getElementById("class-dialog");

/** The act that names the class. */
function describeCorrection(candidate, sighting, hazardClass, name) {
  const standing = sighting ? sighting.class_correction : candidate.class_correction;
  return {
    kind: "correction",
    candidateIds: [String(candidate.id)],
    path: `/candidates/${candidate.id}/corrections`,
    body: {
      detection_id: sighting?.detection_id ?? null, hazard_class: hazardClass,
      expected_correction: standing?.id ?? null,
    },
    label: _("Class corrected: {name}", { name }),
  };
}

/** Resolves to the act, or null where the person left or nothing changed. */
export function askClass(candidate, sighting) {
  const onlyThis = dialog.querySelector("[name=only_this_photo]");
  const options = [...dialog.querySelectorAll("button[data-class]")];
  const paint = () => {
    const present = onlyThis.checked ? sighting.hazard_class : candidate.hazard_class;
    for (const option of options) {
      // What is no hazard is rejected as a whole; one photo may show it all the same.
      option.disabled = !onlyThis.checked && option.dataset.isHazard === "no";
      option.setAttribute("aria-pressed", String(option.dataset.class === present));
    }
  };
  onlyThis.checked = false;
  onlyThis.disabled = candidate.sightings.length < 2;
  paint();
  return new Promise((resolve) => {
    const onKey = (event) => {
      const option = options[Number(event.key) - 1];
      if (!option) return;
      event.preventDefault();
      event.stopPropagation(); // the page must not take the same key for a decision
      option.click();
    };
    let chosen = null;
    const onClick = (event) => {
      const option = event.target.closest("button[data-class]");
      if (!option) return;
      chosen = option;
      dialog.close("chosen");
    };
    dialog.addEventListener("keydown", onKey);
    dialog.addEventListener("click", onClick);
    onlyThis.addEventListener("change", paint);
    dialog.addEventListener("close", () => {
      dialog.removeEventListener("keydown", onKey);
      dialog.removeEventListener("click", onClick);
      onlyThis.removeEventListener("change", paint);
      const isSame = chosen?.getAttribute("aria-pressed") === "true";
      resolve(!chosen || isSame ? null : describeCorrection(
        candidate, onlyThis.checked ? sighting : null, chosen.dataset.class,
        chosen.querySelector(".class-name").textContent));
    }, { once: true });
    dialog.showModal();
  });
}
