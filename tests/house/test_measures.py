"""Files and functions stay small enough to read, and nothing unfinished stays behind."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest

from tests.house.test_imports import ROOT, modules

LONGEST_FILE = 400
LONGEST_FUNCTION = 60


def test_no_file_is_longer_than_a_sitting() -> None:
    long = {name: lines for name, path in modules() if (lines := path.read_text().count("\n")) > LONGEST_FILE}
    assert not long, long


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{name}.{node.name}: {node.end_lineno - node.lineno + 1}"
        for name, path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert not long, long


def test_public_functions_of_the_rules_say_what_they_do() -> None:
    silent = [
        f"{name}.{node.name}"
        for name, path in modules()
        if not name.startswith(("portal.web", "portal.cli", "portal.tables"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and len(node.body) > 4
        if ast.get_docstring(node) is None
    ]
    assert not silent, silent


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("an unfinished place", r"NotImplementedError|\bTODO\b|\bFIXME\b"),
        ("pickle, which runs code when it reads", r"^\s*(import|from) pickle"),
        ("an address of a package index", r"pypi[.]org|pythonhosted[.]|npmjs[.]"),
        ("text let through unescaped", r"\|\s*safe\b"),
    ],
)
def test_nothing_of_this_is_in_the_product(what: str, pattern: str) -> None:
    files = subprocess.run(
        ["git", "ls-files", "portal", "workers", "app.py", "migrations", "*.lock", "Makefile"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    found = [
        f"{file}:{number}"
        for file in files
        for number, line in enumerate((ROOT / file).read_text(errors="replace").splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not found, f"{what}: {found}"


def test_the_top_level_is_what_every_reader_expects() -> None:
    known = {"app.py", "pyproject.toml", "README.md", "portal", "workers", "migrations", "tests", "docs", "Makefile"}
    known |= {"LICENSE", "requirements.lock", "requirements-test.lock"}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    top = {path.partition("/")[0] for path in listed}
    assert {name for name in top if not name.startswith(".")} <= known
