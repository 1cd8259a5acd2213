"""Friendly faces for the README's pictures, drawn with ellipses and lines: no photograph of anybody is needed.

A `Person` stays the same in all photographs of them; a `Photo` is one occasion: light, background, clothes, smile.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

# Everything is drawn on a canvas of this side and made smaller in the end, which smooths the edges.
CANVAS = 1440
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Person:
    skin: str
    shade: str
    hair: str
    eyes: str
    lips: str
    style: str = "long"
    jaw: float = 0
    mole: bool = False
    beard: bool = False
    freckles: bool = False


@dataclass(frozen=True)
class Photo:
    sky: str
    ground: str
    shirt: str
    tilt: float = 0
    smile: float = 0.6
    size: float = 1
    glasses: bool = False
    warmth: float = 0
    spots: tuple[tuple[float, float, float], ...] = ()


MIRA = Person("#c98d64", "#a66c47", "#2b1b17", "#3b2417", "#a4483f", mole=True)
JONAS = Person("#f0c9a8", "#d9a27c", "#a4501f", "#4b7891", "#c07560", style="short", jaw=30, beard=True, freckles=True)
GRETE = Person("#efd0b8", "#d3a68a", "#b9b6bf", "#5c7a5e", "#b5655f", style="bob", jaw=-10)

AT_HOME = Photo("#e8ddf6", "#cdbbe8", "#0b6b63", tilt=-3, smile=0.75, spots=((180, 300, 150), (1300, 180, 210)))
AT_SEA = Photo("#9fd3ea", "#e9d8ae", "#f2efe6", tilt=6, smile=0.35, size=0.93, warmth=0.18, spots=((1180, 260, 120),))
IN_TOWN = Photo("#f6c9a2", "#8a6d8e", "#2f3f66", tilt=-7, smile=0.9, glasses=True, spots=((250, 420, 260),))


def draw(person: Person, photo: Photo, side: int = 480) -> Image.Image:
    """A square portrait, `side` pixels wide."""
    picture = _background(photo)
    figure, behind, head = (Image.new("RGBA", (CANVAS, CANVAS)) for _ in range(3))
    _hair_behind(behind, person)
    figure.alpha_composite(_tilted(behind, photo))
    _body(figure, person, photo)
    _head(head, person)
    _face(head, person, photo)
    if photo.glasses:
        _glasses(head)
    _hair_before(head, person)
    figure.alpha_composite(_tilted(head, photo))
    width = round(CANVAS * photo.size)
    small = figure.resize((width, width), Image.Resampling.LANCZOS)
    picture.paste(small, ((CANVAS - width) // 2, CANVAS - width), small)
    if photo.warmth:
        picture = Image.blend(picture, Image.new("RGB", picture.size, "#e0902f"), photo.warmth)
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def _tilted(layer: Image.Image, photo: Photo) -> Image.Image:
    return layer.rotate(photo.tilt, Image.Resampling.BICUBIC, center=(720, 980))


def _background(photo: Photo) -> Image.Image:
    """From one colour to another, with a few soft lights."""
    slope = Image.linear_gradient("L").resize((CANVAS, CANVAS))
    lower, upper = (Image.new("RGB", (CANVAS, CANVAS), colour) for colour in (photo.ground, photo.sky))
    picture = Image.composite(lower, upper, slope)
    lights = Image.new("L", picture.size)
    for across, down, radius in photo.spots:
        ImageDraw.Draw(lights).ellipse(_circle(across, down, radius), fill=110)
    picture.paste("#ffffff", mask=lights.filter(ImageFilter.GaussianBlur(14)))
    return picture


def _body(figure: Image.Image, person: Person, photo: Photo) -> None:
    pen = ImageDraw.Draw(figure)
    pen.ellipse((210, 1160, 1230, 2100), fill=photo.shirt)
    pen.ellipse((560, 1100, 880, 1290), fill=person.skin)
    pen.rounded_rectangle((590, 930, 850, 1210), 90, fill=person.skin)
    # The shadow that the chin throws.
    _shadow(figure, (560, 880, 880, 1130), person.shade, 150)


def _hair_behind(behind: Image.Image, person: Person) -> None:
    if person.style == "short":
        return
    pen = ImageDraw.Draw(behind)
    pen.ellipse((300, 190, 1140, 1010), fill=person.hair)
    lowest = 1270 if person.style == "long" else 1010
    pen.rounded_rectangle((305, 560, 1135, lowest), 180, fill=person.hair)


def _head(head: Image.Image, person: Person) -> None:
    pen = ImageDraw.Draw(head)
    for across in (385, 1055):
        pen.ellipse((across - 60, 610, across + 60, 790), fill=person.skin)
        pen.arc((across - 30, 640, across + 30, 760), 0, 360, fill=person.shade, width=10)
    shape = Image.new("L", head.size)
    mould = ImageDraw.Draw(shape)
    mould.ellipse((390, 300, 1050, 960), fill=255)
    mould.ellipse((440 - person.jaw, 520, 1000 + person.jaw, 1090), fill=255)
    head.paste(person.skin, mask=shape)
    # Light from one side gives it depth.
    side = Image.new("L", head.size)
    ImageDraw.Draw(side).ellipse((860, 330, 1320, 1130), fill=130)
    side = ImageChops.multiply(side.filter(ImageFilter.GaussianBlur(90)), shape)
    head.paste(person.shade, mask=side)
    if person.beard:
        _beard(head, person, shape)


def _beard(head: Image.Image, person: Person, shape: Image.Image) -> None:
    beard = Image.new("L", head.size)
    pen = ImageDraw.Draw(beard)
    pen.rectangle((380, 800, 1060, 1120), fill=255)
    pen.ellipse((420, 560, 1020, 890), fill=0)
    pen.ellipse((590, 895, 850, 1010), fill=0)
    pen.rounded_rectangle((570, 848, 870, 905), 28, fill=255)
    head.paste(person.hair, mask=ImageChops.multiply(beard, shape).filter(ImageFilter.GaussianBlur(5)))


def _face(head: Image.Image, person: Person, photo: Photo) -> None:
    pen = ImageDraw.Draw(head)
    for across in (560, 880):
        _shadow(head, (across - 110, 800, across + 110, 940), person.lips, round(70 * photo.smile))
        _eye(pen, person, across, photo.smile)
        pen.arc((across - 105, 545, across + 105, 680), 205, 335, fill=person.hair, width=26)
    pen.arc((640, 640, 760, 850), 20, 95, fill=person.shade, width=15)
    pen.arc((665, 780, 775, 850), 20, 160, fill=person.shade, width=15)
    _mouth(pen, person, photo.smile)
    if person.mole:
        pen.ellipse(_circle(905, 850, 13), fill=person.hair)
    if person.freckles:
        for across, down in ((520, 800), (560, 830), (600, 800), (840, 800), (880, 830), (925, 805), (480, 830)):
            pen.ellipse(_circle(across, down, 8), fill=person.shade)


def _eye(pen: ImageDraw.ImageDraw, person: Person, across: float, smile: float) -> None:
    """The happier, the narrower."""
    half = 50 - 10 * smile
    pen.ellipse((across - 72, 715 - half, across + 72, 715 + half), fill="#fbf8f4")
    pen.ellipse(_circle(across, 713, 37), fill=person.eyes)
    pen.ellipse(_circle(across, 713, 18), fill="#150f12")
    pen.ellipse(_circle(across + 13, 699, 10), fill="#ffffff")
    pen.arc((across - 80, 708 - half, across + 80, 730 + half), 190, 350, fill="#2a1a18", width=13)


def _mouth(pen: ImageDraw.ImageDraw, person: Person, smile: float) -> None:
    wide, deep = 95 + 30 * smile, 30 + 60 * smile
    if smile > 0.7:
        pen.chord(
            (720 - wide, 945 - deep, 720 + wide, 945 + deep), 10, 170, fill="#fbf8f4", outline=person.lips, width=16
        )
        return
    pen.arc((720 - wide, 935 - deep, 720 + wide, 935 + deep), 15, 165, fill=person.lips, width=24)


def _hair_before(head: Image.Image, person: Person) -> None:
    """A cap of hair with the forehead cut out; the parting is on one side."""
    cap = Image.new("L", head.size)
    pen = ImageDraw.Draw(cap)
    if person.style == "short":
        pen.ellipse((372, 225, 1068, 960), fill=255)
        pen.rectangle((300, 590, 1140, 1000), fill=0)
        pen.rounded_rectangle((432, 420, 1008, 1000), 150, fill=0)
        for across in range(490, 970, 75):
            pen.ellipse((across - 60, 355, across + 60, 465), fill=255)
    else:
        pen.ellipse((330, 190, 1110, 970), fill=255)
        pen.ellipse((425, 440, 1015, 1400), fill=0)
        # The fringe falls to one side, and stays within the cap.
        fringe, oval = Image.new("L", head.size), Image.new("L", head.size)
        ImageDraw.Draw(fringe).ellipse((700, 220, 1110, 555), fill=255)
        ImageDraw.Draw(oval).ellipse((330, 190, 1110, 970), fill=255)
        cap = ImageChops.lighter(cap, ImageChops.multiply(fringe, oval))
        pen = ImageDraw.Draw(cap)
        # Strands over the ears.
        for left, right in ((305, 430), (1010, 1135)):
            pen.rounded_rectangle((left, 520, right, 980), 62, fill=255)
    head.paste(person.hair, mask=cap)
    shine = Image.new("L", head.size)
    ImageDraw.Draw(shine).arc((450, 255, 990, 900), 215, 265, fill=70, width=34)
    head.paste("#ffffff", mask=ImageChops.multiply(shine.filter(ImageFilter.GaussianBlur(12)), cap))


def _glasses(head: Image.Image) -> None:
    pen = ImageDraw.Draw(head)
    for across in (560, 880):
        pen.rounded_rectangle((across - 125, 625, across + 125, 815), 70, outline="#2a2430", width=18)
    pen.arc((670, 675, 770, 760), 200, 340, fill="#2a2430", width=18)
    pen.line((435, 690, 385, 680), fill="#2a2430", width=18)
    pen.line((1005, 690, 1055, 680), fill="#2a2430", width=18)


def _shadow(on: Image.Image, box: Box, colour: str, strength: int) -> None:
    """A soft spot, only where something is drawn already."""
    soft = Image.new("L", on.size)
    ImageDraw.Draw(soft).ellipse(box, fill=strength)
    soft = ImageChops.multiply(soft.filter(ImageFilter.GaussianBlur(30)), on.getchannel("A"))
    on.paste(colour, mask=soft)


def _circle(across: float, down: float, radius: float) -> Box:
    return across - radius, down - radius, across + radius, down + radius
