/** The form that brings a layer in. */

import { _ } from "./i18n.js";
import { wireImportForm } from "./import_form.js";

const form = document.getElementById("layer-form");

/** Show and send only what belongs to the chosen kind. */
function followKind() {
  const kind = form.elements.kind.value;
  for (const part of form.querySelectorAll("[data-kinds]")) {
    const belongs = part.dataset.kinds.split(" ").includes(kind);
    part.hidden = !belongs;
    for (const field of part.querySelectorAll("input, select")) field.disabled = !belongs;
  }
}

wireImportForm(form, "/layers", _("Being read; a city's buildings take a minute."));
form.elements.kind.addEventListener("change", followKind);
followKind();
