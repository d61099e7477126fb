"""What went wrong and what to do, by the code of the problem, as messages of the catalogue."""

from __future__ import annotations

from typing import Final

from serving.web import learning_labels
from serving.web.i18n import N_

# Problem code -> message and remedy; codes of files and places are in detection.domain.reasons.
PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "tus_header": (
        N_("The program that uploads says something that cannot be read."),
        N_("Update the program that uploads."),
    ),
    "tus_version": (
        N_("The program that uploads speaks another version of the protocol."),
        N_("Update the program that uploads."),
    ),
    "tus_content_type": (
        N_("The program that uploads sends something that is no piece of a file."),
        N_("Update the program that uploads."),
    ),
    "unsupported_file": (
        N_("Files of this kind are not used."),
        N_("Send photos, videos, their SRT, MRK or GPX files, or a ZIP of these."),
    ),
    "upload_damaged": (
        N_("The bytes that arrived are not those of the file on the card."),
        N_("Send the file again."),
    ),
    "left_out": (
        N_("The flight was submitted without this file."),
        N_("Send it with another flight of the place."),
    ),
    "damaged_archive": (
        N_("The file is no ZIP archive, or it breaks off."),
        N_("Pack the photos again, or send the folder itself."),
    ),
    "archive_too_large": (
        N_("The archive unpacks to more than is allowed."),
        N_("Pack fewer files, or send the folder itself."),
    ),
    "damaged_entry": (
        N_("This file in the archive is damaged."),
        N_("Send this file by itself, from the card."),
    ),
    "encrypted_entry": (
        N_("This file in the archive is locked with a password."),
        N_("Pack it without a password."),
    ),
    "disk_full": (
        N_("The server has no room for this file; what it has acknowledged is safe."),
        N_("Have room made on the server, then go on; nothing has to be sent again."),
    ),
    "uploads_open": (
        N_("Announced files are not in yet."),
        N_("Wait until they are in, or submit the flight without them."),
    ),
    "upload_not_found": (
        N_("There is no such upload."),
        N_("Announce the file again; what is needed is then said."),
    ),
    "wrong_offset": (
        N_("The server holds another number of bytes of this file."),
        N_("Ask for the offset and go on there."),
    ),
    "upload_locked": (
        N_("Another request writes to this upload."),
        N_("Ask for the offset and try again."),
    ),
    "upload_too_long": (
        N_("More came than the file was announced to have."),
        N_("Begin the upload of this file again."),
    ),
    "checksum_mismatch": (
        N_("The piece was damaged on its way; nothing of it was kept."),
        N_("Send the same piece again."),
    ),
    "file_already_here": (N_("All of this file is here already."), N_("Nothing to send.")),
    "claimed_by_other": (
        N_("Somebody else is looking at this candidate just now."),
        N_("Take the next one; what was decided here can be sent again afterwards."),
    ),
    "assignment_not_found": (
        N_("This assignment has ended already."),
        N_("Load the list again."),
    ),
    "invalid_assignment": (
        N_("This share of the queue cannot be assigned."),
        N_("Choose a person who can sign in, and a class, a flight or an area that exists."),
    ),
    "offline": (
        N_("The server cannot be reached."),
        N_("Check the connection; it is tried again by itself."),
    ),
    "internal_error": (
        N_("The server met an error of its own."),
        N_("Try again; if it stays, tell the administrator the time."),
    ),
    "not_signed_in": (N_("You are not signed in any more."), N_("Sign in again.")),
    "key_conflict": (
        N_("One key cannot do two things."),
        N_("Choose another key."),
    ),
    "urgent_tier": (
        N_("This candidate is urgent."),
        N_("Urgent ones are decided one by one."),
    ),
    "bulk_empty": (
        N_("None of these candidates can be changed together any more."),
        N_("Look again, or decide them one by one."),
    ),
    "bulk_not_found": (N_("There is no such bulk act."), N_("See the history.")),
    "other_person_signed_in": (
        N_("Somebody else has signed in in this browser."),
        N_("Sign in as the person who opened the page."),
    ),
    "wrong_password": (N_("User name or password is wrong."), N_("Check both and try again.")),
    "too_many_attempts": (
        N_("Too many failed sign-ins."),
        N_("Wait a few minutes and try again."),
    ),
    "forbidden": (
        N_("Your role does not allow this."),
        N_("Ask an administrator for another role."),
    ),
    "cross_site_request": (
        N_("This change did not come from a page of this service."),
        N_("Open the page again and repeat it."),
    ),
    "invalid_request": (N_("Something in the form is not valid."), N_("Check what was entered.")),
    "invalid_input": (N_("Something in the form is not valid."), N_("Check what was entered.")),
    "not_found": (N_("There is no such page."), N_("Check the address.")),
    "flight_not_found": (N_("There is no such flight."), N_("See the list of flights.")),
    "flight_not_open": (
        N_("The flight was submitted and takes no more photos."),
        N_("Create another flight for further photos."),
    ),
    "flight_state": (
        N_("The flight is not in a state in which this can be done."),
        N_("Load the page again."),
    ),
    "empty_flight": (
        N_("The flight has no photo that can be used."),
        N_("Add photos, then submit it."),
    ),
    "nothing_left_out": (
        N_("No photo of this flight was left out."),
        N_("Nothing to do."),
    ),
    "nothing_to_retry": (
        N_("No photo of this flight has failed in processing."),
        N_("Nothing to do."),
    ),
    "layer_not_found": (N_("There is no such layer."), N_("See the list of layers.")),
    "layer_exists": (
        N_("This file was imported before."),
        N_("Use that layer, or delete it and import the file again."),
    ),
    "layer_format": (
        N_("The file is not one that a layer can be read from."),
        N_("Give GeoJSON, a GeoPackage, a zipped Shapefile or, for the ground, a GeoTIFF."),
    ),
    "layer_unreadable": (
        N_("The layer cannot be read."),
        N_("Export it anew from the program that made it."),
    ),
    "layer_without_crs": (
        N_("The file does not say in which coordinate system it is."),
        N_("Choose the coordinate system, for example EPSG:4490 (CGCS2000) or GCJ-02."),
    ),
    "layer_crs_unknown": (
        N_("There is no such coordinate system."),
        N_("Give an EPSG number such as EPSG:4547, or GCJ-02."),
    ),
    "layer_crs_mismatch": (
        N_("The coordinates cannot be of the coordinate system that was chosen."),
        N_("Choose the coordinate system that the layer was made in."),
    ),
    "layer_empty": (
        N_("The layer holds nothing that can be used."),
        N_("Check that it is the right file, with shapes."),
    ),
    "layer_field_unknown": (
        N_("The file has no field of that name."),
        N_("Choose one of its fields, or leave the choice empty."),
    ),
    "register_not_found": (
        N_("There is no such register in use."),
        N_("See the list of registers; a newer one may have replaced it."),
    ),
    "register_exists": (
        N_("This file is the register of the layer already."),
        N_("Nothing to do; to read it anew, delete the register and import it again."),
    ),
    "register_format": (
        N_("The file is not one that a building register can be read from."),
        N_("Give a CSV, XLSX or GeoJSON file, one row for each building."),
    ),
    "register_layer": (
        N_("A building register belongs to a layer of buildings."),
        N_("Choose a layer of buildings; import one first if there is none."),
    ),
    "change_run_not_found": (
        N_("There is no such comparison."),
        N_("See the comparisons of the flight."),
    ),
    "finding_not_found": (
        N_("This comparison has no such finding."),
        N_("See its list of findings."),
    ),
    "change_picture_not_found": (
        N_("No such picture was drawn of this building."),
        N_("Look at its photos; too little of it was seen for a picture."),
    ),
    "change_run_over": (
        N_("The comparison is over; there is nothing to cancel."),
        N_("Load the page again."),
    ),
    "change_running": (
        N_("Another comparison of this flight is not over yet."),
        N_("Wait for it, or cancel it, then begin another."),
    ),
    "change_flight_not_ready": (
        N_("A flight can be compared once all its photos are processed."),
        N_("Wait until both flights are done, then compare."),
    ),
    "change_street_flight": (
        N_("Photos from the street show no roofs, so nothing can be compared."),
        N_("Compare two flights of a drone."),
    ),
    "change_same_flight": (
        N_("A flight cannot be compared with itself."),
        N_("Choose another base flight."),
    ),
    "change_no_base": (
        N_(
            "No earlier flight shows this place, and no register says how many storeys are "
            "permitted."
        ),
        N_("Choose a base flight, or import a building register for the layer."),
    ),
    "change_no_layer": (
        N_("No imported layer has buildings where this flight was."),
        N_(
            "Import the building footprints of the place under Layers, then come back and compare: "
            "it does not begin by itself."
        ),
    ),
    "change_no_positions": (
        N_("Too few photos have a position and a focal length."),
        N_("Use the originals from the card with their GPS data, or add the track of the flight."),
    ),
    "change_not_joined": (
        N_("The photos of one flight could not be joined to one surface."),
        N_("Fly parallel lines that overlap by 70 % or more, and upload all photos of the flight."),
    ),
    "change_too_few_points": (
        N_("The photos share too few points; plain roofs seen from straight above give none."),
        N_("Fly again in even light, lower, with sharp photos and with oblique lines too."),
    ),
    "change_no_overlap": (
        N_("The two flights do not show the same place."),
        N_("Choose an earlier flight over the same place."),
    ),
    "change_small_overlap": (
        N_("The two flights share too little ground."),
        N_("Choose an earlier flight over the same ground, or fly the same area again."),
    ),
    "change_not_coregistered": (
        N_("The surfaces of the two flights could not be laid on each other."),
        N_("Use flights with more overlap and more unchanged ground, streets and yards."),
    ),
    "change_layer_moved": (
        N_("The building layer does not lie on the buildings that the photos show."),
        N_("Import the layer again and declare its coordinate system; web maps are in GCJ-02."),
    ),
    "change_no_buildings": (
        N_("No building of the layer lies where both flights took photos."),
        N_("Import the building layer of this place, or check its coordinate system."),
    ),
    "change_broke_off": (
        N_("The comparison ended without a result, again and again."),
        N_("Tell the administrator; most often the memory is too small for the photos."),
    ),
    "change_not_possible": (
        N_("The two flights cannot be compared."),
        N_("Look at both flights; if they are in order, report it with their names."),
    ),
    "coverage_not_ready": (
        N_("The coverage of this flight is not computed yet."),
        N_("Wait a moment, or have it computed on the page of the flight."),
    ),
    "photo_not_found": (N_("There is no such photo."), N_("See the photos of the flight.")),
    "file_too_large": (
        N_("The file is larger than this server accepts."),
        N_("Upload single photos, or ask the administrator to raise the limit."),
    ),
    "candidate_not_found": (N_("There is no such candidate."), N_("Go back to the review queue.")),
    "decision_not_found": (N_("There is no such decision."), N_("Load the page again.")),
    "already_decided": (
        N_("Somebody decided this candidate in the meantime."),
        N_("Open it to see the decision."),
    ),
    "already_undone": (N_("The decision was undone already."), N_("Nothing to do.")),
    "decision_superseded": (
        N_("A later decision stands."),
        N_("Undo the later decision first."),
    ),
    "not_your_decision": (
        N_("This decision was made by somebody else."),
        N_("Make a new decision instead, or ask an administrator."),
    ),
    "invalid_duplicate": (
        N_("That candidate cannot stand for this one."),
        N_("Choose another candidate, one that is no duplicate itself."),
    ),
    "candidate_merged": (
        N_("This candidate was merged into another one in the meantime."),
        N_("Look at that one, or undo the merge."),
    ),
    "candidate_changed": (
        N_("The photos of this candidate have changed in the meantime."),
        N_("Load the page again and repeat it."),
    ),
    "merge_of_decided": (
        N_("A candidate that was decided cannot be merged away; its decision would vanish."),
        N_("Merge the other one into it, undo the decision first, or mark it as a duplicate."),
    ),
    "in_dispute": (
        N_("Two reviewers disagree about this candidate; an arbiter decides now."),
        N_("Wait for the arbiter, or undo your own decision."),
    ),
    "own_dispute": (
        N_("One of the two verdicts is yours."),
        N_("Another arbiter has to decide."),
    ),
    "grouping_not_now": (
        N_("These photos cannot be merged or split at the moment."),
        N_("Decide what you see, or go on to the next candidate."),
    ),
    "not_certain": (
        N_("This candidate is neither confirmed nor rejected, or is in dispute."),
        N_("Mark what was decided as a hazard or as none."),
    ),
    "dispute_not_found": (
        N_("There is no such dispute."),
        N_("See the list of disputes; it may have ended."),
    ),
    "invalid_merge": (
        N_("These candidates cannot be one thing."),
        N_("Choose pending candidates of the same kind and the same flight."),
    ),
    "invalid_split": (
        N_("These photos cannot be parted from the candidate."),
        N_("Choose some of its photos, not all; to drop it, reject it."),
    ),
    "grouping_not_found": (N_("There is no such merge or split."), N_("Load the page again.")),
    "grouping_superseded": (
        N_("A later merge or split of the same candidates stands."),
        N_("Undo the later one first."),
    ),
    "flight_busy": (
        N_("The candidates of this flight are being put together at this moment."),
        N_("Try again in a few seconds."),
    ),
    "idempotency_key_reused": (
        N_("The act was sent before with another content."),
        N_("Load the page and decide again."),
    ),
    "database_unavailable": (
        N_("The database cannot be reached."),
        N_("Wait a moment; if it stays, tell the administrator."),
    ),
    "invalid_cursor": (N_("The list has changed in the meantime."), N_("Load the page again.")),
    "tile_not_found": (
        N_("There is no such part of the photo."),
        N_("Load the page again."),
    ),
    "correction_not_found": (
        N_("There is no such correction."),
        N_("See the history of the candidate."),
    ),
    "correction_changed": (
        N_("Box or class have changed meanwhile."),
        N_("Look at it again, then repeat the correction."),
    ),
    "correction_superseded": (
        N_("A later correction stands."),
        N_("Undo the later one first."),
    ),
    "no_permits": (
        N_("No permits are looked up for this class."),
        N_("Correct the class first, if it is an added storey or was taken down."),
    ),
    "permit_changed": (
        N_("Somebody else has answered for this permit in the meantime."),
        N_("Look at their answer, then repeat yours if it still holds."),
    ),
    "permit_check_not_found": (
        N_("There is no such answer on a permit."),
        N_("Load the page again."),
    ),
    "permit_superseded": (
        N_("A later answer on this permit stands."),
        N_("Undo the later one first."),
    ),
    "invalid_correction": (
        N_("The box or the class cannot be what was said."),
        N_("Name another box within the photo, or another class."),
    ),
    "photo_file_missing": (
        N_("The photo's file is missing from the data folder."),
        N_("Restore the data folder from the backup."),
    ),
    "processing_crashed": (
        N_("The photo could not be processed; each attempt broke off."),
        N_("Retry it; if it fails again, give the photo to the administrator."),
    ),
    "processing_failed": (
        N_("The flight could not be processed."),
        N_("Retry it; if it fails again, tell the administrator the time."),
    ),
    "configuration_error": (
        N_("A setting of the server is wrong."),
        N_("Tell the administrator; photos and decisions are safe."),
    ),
    "model_error": (
        N_("A model file is missing or damaged."),
        N_("Tell the administrator; photos and decisions are safe."),
    ),
} | learning_labels.PROBLEMS
