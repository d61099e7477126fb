/** Where files come in: dropped, chosen, or a whole folder. */

import { filesFromDrop, filesFromField } from "./dropped_files.js";

/** Call `take` with what is dropped on `zone` or chosen in one of `fields`. */
export function wireDropZone(zone, fields, take) {
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add("is-over");
    });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("is-over");
    take(await filesFromDrop(event.dataTransfer));
  });
  // A file dropped beside the zone must not replace the page and end the upload.
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => event.preventDefault());
  }
  for (const field of fields) {
    field.addEventListener("change", () => {
      take(filesFromField(field));
      field.value = "";
    });
  }
}
