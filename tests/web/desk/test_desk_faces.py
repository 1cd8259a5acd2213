"""A photograph with several people that came by post: the desk says whom the letter means, and nobody else can."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import select

from portal.cases.arrival import arrivals
from portal.db import Database
from portal.errors import Conflict, NotAllowed
from portal.tables import Case, Probe
from tests.cases.making import make_account
from tests.cases.making import send as send_own
from tests.web.desk import Colleague, entries
from tests.web.desk.test_desk_intake import enter
from tests.web.trip import jpeg


def posted(cora: Colleague, database: Database) -> tuple[str, str]:
    """A request that came with a photograph in which the worker found two faces. Ids of case and probe."""
    assert enter(cora, picture=(io.BytesIO(jpeg()), "us.jpg"), consent="y").status_code == 303
    with database.writing() as session:
        probe = session.scalars(select(Probe).where(Probe.kind == "selfie")).one()
        probe.state, probe.boxes = "choose-face", [[10, 10, 90, 90], [100, 20, 180, 100]]
        assert probe.case_id is not None
        return probe.case_id, probe.id


def test_the_desk_chooses_the_face_that_the_letter_means(cora: Colleague, database: Database) -> None:
    case_id, probe_id = posted(cora, database)
    path = f"/staff/cases/{case_id}/faces/{probe_id}"
    assert f'href="{path}"' in cora.get(f"/staff/cases/{case_id}")
    assert cora.get(path).count('name="face"') == 2
    assert cora.client.get(f"{path}/1.jpg").data[:2] == b"\xff\xd8"
    assert cora.client.get(f"{path}/2.jpg").status_code == 404
    assert [entry["probe"] for entry in entries(database, "image-revealed")] == [probe_id]
    assert "Choose the face of the person." in cora.post(path, status=422)
    assert cora.post(path, face="7", status=422)
    assert cora.post(path, face="1") == f"/staff/cases/{case_id}"
    with database.reading() as session:
        probe = session.get_one(Probe, probe_id)
        assert (probe.chosen, probe.state, probe.work_state) == (1, "checking", "due")
    assert [entry["actor"] for entry in entries(database, "face-chosen")] == [cora.id]
    cora.get(path, status=404)


def test_nobody_chooses_for_those_who_typed_their_request_in(cora: Colleague, database: Database) -> None:
    case_id, probe_id = posted(cora, database)
    with database.writing() as session:
        own = send_own(session, "access").case
        case = session.get_one(Case, case_id)
        assert arrivals.to_choose(session, own) == []
        with pytest.raises(NotAllowed):
            arrivals.choose_face(session, case, probe_id, 0, make_account(session, "reviewer").id)
        session.get_one(Probe, probe_id).case_id = own.id
        session.flush()
        with pytest.raises(Conflict):
            arrivals.choose_face(session, own, probe_id, 0, make_account(session).id)
