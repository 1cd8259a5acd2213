"""The own look of an installation: its logo, opened once as pictures from outside are, and made anew."""

from __future__ import annotations

import functools
from pathlib import Path

from portal import images
from portal.config import Config
from portal.errors import BadPicture, UnsafeConfig

# Sharp at the size in which pages and letters show it.
LONGEST = 600
LARGEST = 4 * 1024 * 1024


def logo_of(config: Config) -> bytes | None:
    """The logo as PNG on white, without metadata, as it was when this process first asked; None without one.

    Raises UnsafeConfig naming the setting.
    """
    return _opened(config.logo) if config.logo else None


@functools.cache
def _opened(path: str) -> bytes:
    try:
        if Path(path).stat().st_size > LARGEST:
            raise UnsafeConfig("EFFACE_LOGO must be a picture of at most 4 MB.", "EFFACE_LOGO")
        picture = images.open_picture(Path(path).read_bytes())
    except OSError as problem:
        raise UnsafeConfig(f"EFFACE_LOGO cannot be read: {problem}.", "EFFACE_LOGO") from problem
    except BadPicture as problem:
        raise UnsafeConfig(
            f"EFFACE_LOGO is no picture that can be shown: {problem.sentence}", "EFFACE_LOGO"
        ) from problem
    return images.to_png(picture.pixels, LONGEST)
