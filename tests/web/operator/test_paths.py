"""The pages with the way of a photograph, a dataset and a model, and the picture on them."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path as Folder

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.lineage.paths import Path, Step
from portal.tables import Dataset, Image, TrainedModel
from portal.web.operator.path_picture import MOST, WIDTH, draw
from tests.web.desk import Colleague, colleague, fill_store


def test_pages_lead_from_the_photograph_to_the_model_and_back(
    boss: Colleague, app: Flask, database: Database, tmp_path: Folder
) -> None:
    with database.writing() as session:
        store = fill_store(session, tmp_path / "filled")
        image, dataset, model = (session.scalars(select(table.id)).first() for table in (Image, Dataset, TrainedModel))
    page = boss.client.get(f"/staff/lineage/images/find?store={store.id}&key=0.jpg", follow_redirects=True).text
    assert f"/staff/lineage/datasets/{dataset}" in page
    assert "0.jpg: you are here" not in page
    for text in ("Profiles 2014", "Faces 1", "Recogniser 2", "Door camera", "A partner", "since 2016-01-01"):
        assert text in page, text
    assert boss.get(f"/staff/lineage/images/{image}")
    page = boss.get(f"/staff/lineage/datasets/{dataset}")
    assert f"/staff/lineage/models/{model}" in page
    assert "It came from Profiles 2014." in page
    assert f"/staff/lineage/datasets/{dataset}" in boss.get(f"/staff/lineage/models/{model}")
    assert boss.get("/staff/lineage/").count("/staff/lineage/datasets/") == 1
    for path in ("images/find?store=none&key=x", f"images/find?store={store.id}&key=x", "images/999", "models/x"):
        boss.get(f"/staff/lineage/{path}", 404)
    colleague(app, database, "caseworker", name="Cora").get(f"/staff/lineage/images/{image}", 403)


def many(count: int) -> Path:
    path = Path(Step("image", "1", "a-very-long-name-of-a-photograph-in-a-folder/2014.jpg"))
    models = [Step("model", str(at), f"model {at}", "since 2015-01-01") for at in range(count)]
    datasets = [Step("dataset", str(at), f"dataset {at}") for at in range(count)]
    path.add(path.middle, *models, *datasets)
    for dataset, model in zip(datasets, models, strict=True):
        path.link(path.middle, dataset)
        path.link(dataset, model)
    return path


@pytest.mark.parametrize("count", [0, 1, MOST + 1, MOST + 2, 300])
def test_the_picture_stays_as_wide_as_a_phone_and_names_what_it_leaves_out(count: int) -> None:
    picture = draw(many(count))
    assert picture.left + picture.broad <= WIDTH
    assert picture.broad > WIDTH / 2
    assert len(picture.boxes) == 1 + 2 * min(count, MOST + 1)
    assert all(len(box.name) * 8 < picture.broad for box in picture.boxes)
    assert all(0 <= int(number) <= WIDTH for line in picture.lines for number in re.findall(r"[MH](\d+)", line.way))
    left_out = [box.name for box in picture.boxes if box.name.startswith("and ")]
    assert left_out == ([f"and {count - MOST} more"] * 2 if count > MOST + 1 else [])


def test_lines_of_other_things_never_run_in_one_lane() -> None:
    picture = draw(many(5))
    spans: dict[str, list[tuple[int, int]]] = {}
    for line in picture.lines:
        for lane, first, last in re.findall(r"M(\d+) (\d+)V(\d+)", line.way):
            spans.setdefault(lane, []).append((int(first), int(last)))
    for lane in spans.values():
        ordered = sorted(lane)
        assert all(last <= first for (_, last), (first, _) in pairwise(ordered))
