"""What the journal of an upload remembers as sent is what the server has judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

from serving.client.connection import Account, Connection
from serving.client.flights import FileCounts, FileState, FlightCalls, FlightWanted, KnownFile
from serving.client.journal import open_journal
from serving.client.upload import Upload, UploadOptions

FLIGHT_ID = 7
REFUSED = {"late.jpg": "left_out", "torn.jpg": "upload_damaged", "text.jpg": "unreadable_photo"}


class Calls(FlightCalls):
    """A server that left one file out, lost another on the way, and refused a third."""

    def submit(self, flight_id: int, *, leave_out_open: bool) -> None:
        """Take it as it is."""
        assert (flight_id, leave_out_open) == (FLIGHT_ID, True)

    def list_files(self, flight_id: int, state: FileState) -> Iterator[KnownFile]:
        """Yield what was refused."""
        assert (flight_id, state) == (FLIGHT_ID, FileState.REJECTED)
        yield from (KnownFile(name, state, code=code) for name, code in REFUSED.items())


def test_what_was_left_out_or_spoiled_is_sent_again_by_the_next_run(tmp_path: Path) -> None:
    calls = Calls(Connection("http://localhost:1", Account("a", "b")))
    options = UploadOptions(FlightWanted("a", "drone"), leave_out=True)
    with open_journal(tmp_path, "server", "a", tmp_path) as journal:
        journal.begin_flight(FLIGHT_ID)
        hashes = {name: name for name in ["in.jpg", *REFUSED]}
        upload = Upload(calls, journal, options, Mock(), hashes)
        counts = FileCounts(4, 0, 0, checking=1, accepted=1, rejected=2)
        assert upload._submit(FLIGHT_ID, counts)
        known = {name for name in hashes if journal.find_earlier_flight(name) == FLIGHT_ID}
    assert known == {"in.jpg", "text.jpg"}
