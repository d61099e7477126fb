/** The form that brings a building register in. */

import { _ } from "./i18n.js";
import { wireImportForm } from "./import_form.js";

wireImportForm(
  document.getElementById("register-form"), "/registers", _("Being read and joined to the buildings."));
