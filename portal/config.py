"""Settings, read once from `EFFACE_*` variables (or `EFFACE_*_FILE`, a file that holds the value) and then frozen."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal import colours, texting
from portal.errors import UnsafeConfig
from portal.languages import ENGLISH, LANGUAGES

# Systems cut the path of a unix socket at 104 or 108 bytes.
LONGEST_SOCKET_PATH = 100
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
MAIL_ADDRESS = re.compile(r"[^@\s<>\",;:]+@[^@\s<>\",;:]+")
# A name under which a public website stands: no address, no number at the end, none of the names of inside networks.
WEBSITE = re.compile(
    r"(?!(?:www|m|mobile)\.)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+(?!local$|internal$|lan$)[a-z][a-z0-9-]*[a-z0-9]"
)
IN_THE_CLEAR = "selfies and codes would travel in the clear"


def _setting(default: Any, help: str, read: Callable[[str], Any] = str, secret: bool = False) -> Any:
    return field(default=default, metadata={"help": help, "read": read, "secret": secret})


def _yes_or_no(text: str) -> bool:
    if text.lower() in {"1", "yes", "true", "on"}:
        return True
    if text.lower() in {"0", "no", "false", "off"}:
        return False
    raise ValueError("say yes or no")


def _colour(text: str) -> str:
    return colours.written(colours.read(text)) if text else ""


@dataclass(frozen=True)
class Config:
    """Every setting of an installation. `EFFACE_` + the name in capitals sets it."""

    data: Path = _setting(Path("efface-data"), "folder for the database, the keys and the queue", Path)
    database_url: str = _setting("", "another database; empty: SQLite in the data folder", secret=True)
    redis_url: str = _setting("", "another Redis or Valkey; empty: an own Valkey on a unix socket", secret=True)
    host: str = _setting("127.0.0.1", "address the web server listens on")
    port: int = _setting(8000, "port the web server listens on; 0 picks a free one", int)
    public_url: str = _setting("", "address people see, https; needed when the host is not loopback")
    organisation: str = _setting("This organisation", "name of the organisation that holds the photographs")
    contact: str = _setting("", "postal or mail address of the organisation's privacy team")
    logo: str = _setting("", "picture file of the organisation's logo, for pages and letters")
    colour: str = _setting(
        "", "the organisation's colour, such as #4a2d8b, for pages; it must be easy to read", _colour
    )
    support: str = _setting(
        "", "who helps people in distress, such as a phone line; several with semicolons; shown to people as it is"
    )
    exit_url: str = _setting("https://www.bbc.com/weather", 'page that "Exit this page" leads to; https')
    stay_safe: bool = _setting(False, "a page on leaving quickly comes before the first question", _yes_or_no)
    digest: bool = _setting(
        False, "caseworkers get a mail each working morning with what is late, due or unread; no names", _yes_or_no
    )
    maintenance: bool = _setting(False, "people read that the portal is being worked on; staff can go on", _yes_or_no)
    language: str = _setting(ENGLISH, f"language for people whose browser names none of {', '.join(LANGUAGES)}")
    zone: str = _setting("UTC", "IANA time zone in which legal days are counted")
    holidays: str = _setting("", "country, or country-part, whose public holidays count, such as DE or DE-BE")
    smtp_url: str = _setting("", "smtp://user:password@host:port; empty: mails are written to data/outbox", secret=True)
    mail_from: str = _setting("privacy@localhost", "sender of mails")
    text_url: str = _setting(
        "",
        "service that sends text messages, an address of Apprise with {number} in it, "
        "such as twilio://sid:token@sender/{number}; empty: people give a mail address or none",
        secret=True,
    )
    text_codes: int = _setting(500, "codes sent by text in a day at most, as each costs money", int)
    two_people: bool = _setting(True, "erasures and refusals need a second person", _yes_or_no)
    likeness: bool = _setting(False, "reviewers are asked how alike six parts of two faces are", _yes_or_no)
    batch: bool = _setting(
        False, "reviewers may answer for many pairs at once that none of these is the person", _yes_or_no
    )
    cooling_hours: float = _setting(24.0, "hours after approval in which the person can still withdraw", float)
    threshold: float = _setting(0.6, "greatest distance between two templates that still makes a candidate", float)
    scan_processes: int = _setting(0, "processes that look at photographs in a scan; 0: one for each core", int)
    upload_megabytes: int = _setting(32, "largest picture a person can send, in megabytes", int)
    probe_days: int = _setting(14, "days after closing until what the person sent is purged", int)
    package_days: int = _setting(7, "days an access package can be fetched", int)
    backup_days: int = _setting(30, "days a copy of the installation can be put back; so long erasures are known", int)
    gate_token: str = _setting("", "token with which programs may ask the gate at /gate; empty: none may", secret=True)
    suppression_years: float = _setting(2.0, "years a suppression is kept before it must be renewed", float)
    profile_hosts: str = _setting(
        "", "websites on which a token in a profile may be looked for, with commas; empty: none is ever asked"
    )
    holder_hosts: str = _setting(
        "", "websites that may be asked for photographs held elsewhere, with commas; empty: none is ever asked"
    )

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data.absolute() / 'efface.sqlite'}"

    @property
    def queue(self) -> str:
        return self.redis_url or f"unix://{self.queue_socket}"

    @property
    def queue_socket(self) -> Path:
        socket = self.data.absolute() / "queue" / "valkey.sock"
        if len(str(socket)) < LONGEST_SOCKET_PATH:
            return socket
        mark = hashlib.sha256(str(socket).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"efface-{os.getuid()}-{mark}" / "valkey.sock"

    @property
    def address(self) -> str:
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def websites(self) -> tuple[str, ...]:
        """Names of the websites that may be asked for a profile, as links.canonical writes them."""
        return _names(self.profile_hosts)

    @property
    def holders(self) -> tuple[str, ...]:
        """Names of the websites that may be asked for photographs that somebody else holds."""
        return _names(self.holder_hosts)

    @property
    def helpers(self) -> tuple[str, ...]:
        """Who helps people in distress, a line for each."""
        return _parts(self.support, ";")

    @property
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")


def read_config(environ: Mapping[str, str] = os.environ) -> Config:
    """Config from the environment. Raises UnsafeConfig naming the variable that is unknown, unreadable or unsafe."""
    values: dict[str, Any] = {}
    known = {f"EFFACE_{item.name.upper()}": item for item in fields(Config)}
    for name in environ:
        if name.startswith("EFFACE_") and name not in known and name.removesuffix("_FILE") not in known:
            raise UnsafeConfig(f"{name} is not a setting. `efface config show` lists them all.", name)
    for name, item in known.items():
        text = _text(environ, name)
        if text is None:
            continue
        try:
            values[item.name] = item.metadata["read"](text)
        except ValueError as problem:
            raise UnsafeConfig(f"{name} cannot be read: {problem}.", name) from problem
    return check_config(Config(**values))


def _text(environ: Mapping[str, str], name: str) -> str | None:
    if name in environ and f"{name}_FILE" in environ:
        raise UnsafeConfig(f"{name} and {name}_FILE are both set. Keep one.", name)
    if f"{name}_FILE" in environ:
        try:
            return Path(environ[f"{name}_FILE"]).read_text().strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise UnsafeConfig(f"{name}_FILE cannot be read: {problem}.", name) from problem
    return environ.get(name)


def check_config(config: Config) -> Config:
    """The same config, or UnsafeConfig naming the first setting that would harm the people in the photographs."""
    problems = {
        "EFFACE_DATA": _not_a_folder(config.data),
        "EFFACE_PUBLIC_URL": _wrong_public_url(config),
        "EFFACE_EXIT_URL": _wrong_exit(config),
        "EFFACE_ZONE": not _is_zone(config.zone) and f"{config.zone!r} is not an IANA time zone, such as Europe/Berlin",
        "EFFACE_LANGUAGE": config.language not in LANGUAGES and f"must be one of {', '.join(LANGUAGES)}",
        "EFFACE_THRESHOLD": not 0 < config.threshold <= 0.7
        and "must be above 0 and at most 0.7: beyond that nearly everybody is a candidate",
        "EFFACE_COOLING_HOURS": not 0 <= config.cooling_hours <= 24 * 14 and "must be from 0 to 336",
        "EFFACE_SCAN_PROCESSES": not 0 <= config.scan_processes <= 256 and "must be from 0 to 256",
        "EFFACE_UPLOAD_MEGABYTES": not 1 <= config.upload_megabytes <= 48 and "must be from 1 to 48",
        "EFFACE_PROBE_DAYS": not 0 <= config.probe_days <= 90 and "must be from 0 to 90",
        "EFFACE_PACKAGE_DAYS": not 1 <= config.package_days <= 30 and "must be from 1 to 30",
        "EFFACE_PORT": not 0 <= config.port < 65536 and "must be from 0 to 65535",
        "EFFACE_BACKUP_DAYS": not 1 <= config.backup_days <= 365 and "must be from 1 to 365",
        "EFFACE_GATE_TOKEN": _weak_token(config.gate_token),
        "EFFACE_SUPPRESSION_YEARS": not 0.1 <= config.suppression_years <= 100
        and "must be from 0.1 to 100: what was erased would come in again at once",
        "EFFACE_PROFILE_HOSTS": _no_websites(config.websites),
        "EFFACE_HOLDER_HOSTS": _no_websites(config.holders),
        "EFFACE_ORGANISATION": not _is_a_line(config.organisation) and "must be a name, on one line",
        "EFFACE_SUPPORT": bool(config.support) and not _is_a_line(config.support) and "must be on one line",
        "EFFACE_COLOUR": bool(config.colour) and (colours.problem_of(config.colour) or False),
        "EFFACE_MAIL_FROM": not MAIL_ADDRESS.fullmatch(config.mail_from)
        and "must be a mail address alone, such as privacy@example.com",
        "EFFACE_SMTP_URL": bool(config.smtp_url)
        and not _has(config.smtp_url, {"smtp", "smtps"})
        and "must start with smtp:// or smtps:// and name a server",
        "EFFACE_TEXT_URL": bool(config.text_url) and texting.problem_of(config.text_url, LOOPBACK),
        "EFFACE_TEXT_CODES": not 1 <= config.text_codes <= 1_000_000 and "must be from 1 to 1000000",
        "EFFACE_DATABASE_URL": _wrong_database(config.database_url),
        "EFFACE_REDIS_URL": bool(config.redis_url)
        and not _has(config.redis_url, {"redis", "rediss", "unix"})
        and "must start with redis://, rediss:// or unix://",
    }
    for name, problem in problems.items():
        if problem:
            raise UnsafeConfig(f"{name} {problem}.", name)
    return config


def _names(listed: str) -> tuple[str, ...]:
    return _parts(listed, ",")


def _parts(listed: str, between: str) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip() for each in listed.split(between))))


def _no_websites(names: tuple[str, ...]) -> str | bool:
    return (
        not all(WEBSITE.fullmatch(each) for each in names)
        and "must be names of websites, such as example.com, in small letters, without https:// and without www."
    )


def _not_a_folder(data: Path) -> str | bool:
    if data == Path():
        return "must name a folder of its own: keys and selfies would lie among other files"
    return data.exists() and not data.is_dir() and "is a file, and must be a folder"


def _wrong_public_url(config: Config) -> str | bool:
    """Nothing that people send may travel in the clear, and the portal stands at the root of its host."""
    if not config.public_url:
        outside = config.host not in LOOPBACK
        return outside and "must be an https address when EFFACE_HOST is not loopback: " + IN_THE_CLEAR
    if not _has(config.public_url, {"http", "https"}):
        return "must be an address such as https://photos.example.com"
    url = urlsplit(config.public_url)
    if url.scheme != "https" and not {url.hostname, config.host} <= LOOPBACK:
        return "must be an https address: " + IN_THE_CLEAR
    odd = url.path.strip("/") or url.query or url.fragment or "@" in url.netloc
    return bool(odd) and "must be a host alone, such as https://photos.example.com, without a path or a name in it"


def _wrong_exit(config: Config) -> str | bool:
    """It must be a page that anybody might have open, and neither this portal nor anything read in the clear."""
    url = config.exit_url
    if not _has(url, {"https"}) or not url.isprintable() or "@" in urlsplit(url).netloc or set(url) & set(' \\"<>'):
        return "must be an https address, such as https://www.bbc.com/weather"
    own = urlsplit(config.public_url).hostname
    return urlsplit(url).hostname == own and "must lead away from this portal, not back to it"


def _wrong_database(url: str) -> str | bool:
    if not url:
        return False
    kind, _, place = url.partition("://")
    if kind.partition("+")[0] not in {"sqlite", "postgresql"}:
        return "must start with sqlite:/// or postgresql://"
    return (place.strip("/") == "" or "memory" in url) and "must outlive a restart: cases would be lost"


def _has(url: str, schemes: set[str]) -> bool:
    """Whether an address has one of these schemes and says where."""
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and parts.port != 0 and bool(parts.hostname or parts.scheme == "unix")
    except ValueError:
        return False


def _weak_token(token: str) -> str | bool:
    """A word that can be guessed would tell anybody whose photographs were erased."""
    weak = len(token) < 32 or not token.isascii() or not token.isprintable() or " " in token
    return bool(token) and weak and "must be at least 32 letters and digits, such as `openssl rand -hex 32` prints"


def _is_a_line(text: str) -> bool:
    return bool(text.strip()) and text.isprintable()


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True
