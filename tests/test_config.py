"""Settings: read once, named when wrong, refused when unsafe."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from portal.cli import main
from portal.config import read_config
from portal.errors import UnsafeConfig


def test_the_defaults_are_a_working_installation_on_loopback() -> None:
    config = read_config({})
    assert config.address == "http://127.0.0.1:8000"
    assert config.database.startswith("sqlite:////")
    assert config.queue.startswith("unix:///")
    assert config.two_people


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("redis://queue.example:6379/1\n")
    assert read_config({"EFFACE_REDIS_URL_FILE": str(secret)}).queue == "redis://queue.example:6379/1"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"EFFACE_HOST": "0.0.0.0"}, "EFFACE_PUBLIC_URL"),
        ({"EFFACE_HOST": "0.0.0.0", "EFFACE_PUBLIC_URL": "http://faces.example"}, "EFFACE_PUBLIC_URL"),
        ({"EFFACE_THRESHOLD": "0.9"}, "EFFACE_THRESHOLD"),
        ({"EFFACE_THRESHOLD": "close"}, "EFFACE_THRESHOLD"),
        ({"EFFACE_ZONE": "Middle/Earth"}, "EFFACE_ZONE"),
        ({"EFFACE_TWO_PEOPLE": "perhaps"}, "EFFACE_TWO_PEOPLE"),
        ({"EFFACE_COOLING_HOURS": "-1"}, "EFFACE_COOLING_HOURS"),
        ({"EFFACE_UPLOAD_MEGABYTES": "50000"}, "EFFACE_UPLOAD_MEGABYTES"),
        ({"EFFACE_DATABASE_URL": "sqlite:///:memory:"}, "EFFACE_DATABASE_URL"),
        ({"EFFACE_REDIS_URL": "http://queue.example"}, "EFFACE_REDIS_URL"),
        ({"EFFACE_REDIS_URL": "redis://queue.example:99999"}, "EFFACE_REDIS_URL"),
        ({"EFFACE_DATABASE_URL": "sqlite://"}, "EFFACE_DATABASE_URL"),
        ({"EFFACE_DATABASE_URL": "postgres"}, "EFFACE_DATABASE_URL"),
        ({"EFFACE_DATA": ""}, "EFFACE_DATA"),
        ({"EFFACE_DATA": "/dev/null"}, "EFFACE_DATA"),
        ({"EFFACE_PUBLIC_URL": "http://faces.example"}, "EFFACE_PUBLIC_URL"),
        ({"EFFACE_PUBLIC_URL": "faces.example"}, "EFFACE_PUBLIC_URL"),
        ({"EFFACE_PUBLIC_URL": "https://"}, "EFFACE_PUBLIC_URL"),
        ({"EFFACE_PUBLIC_URL": "https://faces.example/portal"}, "EFFACE_PUBLIC_URL"),
        ({"EFFACE_PUBLIC_URL": "https://anna:secret@faces.example"}, "EFFACE_PUBLIC_URL"),
        ({"EFFACE_EXIT_URL": ""}, "EFFACE_EXIT_URL"),
        ({"EFFACE_EXIT_URL": "http://weather.example"}, "EFFACE_EXIT_URL"),
        ({"EFFACE_EXIT_URL": "javascript:alert(1)"}, "EFFACE_EXIT_URL"),
        ({"EFFACE_EXIT_URL": "https://anna@weather.example"}, "EFFACE_EXIT_URL"),
        ({"EFFACE_EXIT_URL": "https://weather.example/\r\nSet-Cookie: a=b"}, "EFFACE_EXIT_URL"),
        ({"EFFACE_EXIT_URL": "https://f.example/x", "EFFACE_PUBLIC_URL": "https://f.example"}, "EFFACE_EXIT_URL"),
        ({"EFFACE_SUPPRESSION_YEARS": "-5"}, "EFFACE_SUPPRESSION_YEARS"),
        ({"EFFACE_SUPPRESSION_YEARS": "nan"}, "EFFACE_SUPPRESSION_YEARS"),
        ({"EFFACE_SUPPRESSION_YEARS": "inf"}, "EFFACE_SUPPRESSION_YEARS"),
        ({"EFFACE_ORGANISATION": ""}, "EFFACE_ORGANISATION"),
        ({"EFFACE_ORGANISATION": "The\narchive"}, "EFFACE_ORGANISATION"),
        ({"EFFACE_MAIL_FROM": "a@b.example\nBcc: all@b.example"}, "EFFACE_MAIL_FROM"),
        ({"EFFACE_MAIL_FROM": "Privacy team"}, "EFFACE_MAIL_FROM"),
        ({"EFFACE_SMTP_URL": "http://mail.example"}, "EFFACE_SMTP_URL"),
        ({"EFFACE_SMTP_URL": "smtp://"}, "EFFACE_SMTP_URL"),
        ({"EFFACE_PORT": "99999"}, "EFFACE_PORT"),
        ({"EFFACE_TRESHOLD": "0.5"}, "EFFACE_TRESHOLD"),
        ({"EFFACE_REDIS_URL_FILE": "/no/such/file"}, "EFFACE_REDIS_URL"),
        ({"EFFACE_PORT": "1", "EFFACE_PORT_FILE": "/x"}, "EFFACE_PORT"),
    ],
)
def test_what_is_unsafe_or_unreadable_is_refused_by_name(environ: dict[str, str], named: str) -> None:
    with pytest.raises(UnsafeConfig) as refused:
        read_config(environ)
    assert named in refused.value.sentence


@pytest.mark.parametrize(
    "environ",
    [
        {"EFFACE_HOST": "0.0.0.0", "EFFACE_PUBLIC_URL": "https://faces.example/"},
        {"EFFACE_PUBLIC_URL": "http://localhost:8000"},
        {"EFFACE_EXIT_URL": "https://de.wikipedia.org/wiki/Hauptseite?a=b#c"},
        {"EFFACE_SMTP_URL": "smtps://name:secret@mail.example:465"},
        {"EFFACE_REDIS_URL": "unix:///run/valkey.sock"},
        {"EFFACE_DATABASE_URL": "postgresql+psycopg://db.example/efface"},
    ],
)
def test_what_is_safe_is_taken(environ: dict[str, str]) -> None:
    read_config(environ)


def test_the_socket_of_a_deep_folder_is_short_enough_for_the_system(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    assert len(str(read_config({"EFFACE_DATA": str(deep)}).queue_socket)) < 104


def test_a_command_with_a_wrong_setting_ends_with_2_and_no_lines_of_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EFFACE_THRESHOLD", "2")
    monkeypatch.setattr(sys, "argv", ["efface", "store", "list"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("efface: EFFACE_THRESHOLD must be")
