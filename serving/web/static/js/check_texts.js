/** What a finding of the check before sending means, and what to do about it. */

import { describeProblem } from "./api.js";
import { _ } from "./i18n.js";

const TEXTS = {
  no_time: {
    message: _("The photo does not say when it was taken."),
    remedy: _("Use the originals from the card; chat programs remove the time."),
  },
  lonely_track: {
    message: _("The subtitles belong to a video that is not among the files."),
    remedy: _("Add the video of the same name, or leave the file out."),
  },
  far_from_flight: {
    message: _("Taken far away from where most photos were taken."),
    remedy: _("Leave it out if it belongs to another flight on the same card."),
  },
  another_day: {
    message: _("Taken more than 12 hours before or after most of the photos."),
    remedy: _("Leave it out if it belongs to another flight on the same card."),
  },
  unreadable_archive: {
    message: _("The content is no ZIP archive, whatever its name says."),
    remedy: _("Pack the files again, or add the folder itself."),
  },
};

/** {message, remedy} of a code, in the page's language. */
export function describeFinding(code) {
  return TEXTS[code] ?? describeProblem(code);
}
