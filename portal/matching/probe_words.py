"""Why a photo of a face cannot be searched with, or may find less than another one: what the person can do about it.

The texts are in English, for `gettext` where they are shown.
"""

from __future__ import annotations

from portal.languages import mark

REFUSED = {
    "no-face": mark(
        "We could not see a face. Try a photo where your face is not covered and the light is in front of you."
    ),
    "too-small": mark("The face in this photo is too small. Try a photo taken from nearer, or a larger copy."),
    "blurred": mark("This photo is not sharp. Hold the camera still, wait a moment, and try again."),
    "too-dark": mark("The face in this photo is too dark. Turn towards a window or a lamp and try again."),
    "too-bright": mark("The face in this photo is too bright. Turn away from the sun or the lamp and try again."),
    "cut-off": mark("A part of the face is outside of the photo. Hold the camera further away and try again."),
    "turned": mark("The face in this photo is turned away. Look straight into the camera and try again."),
    "eyes-covered": mark("We cannot see both eyes well. Take off sunglasses, move hair aside, and try again."),
    "mouth-covered": mark(
        "We cannot see the mouth well. Take off a mask or scarf, move your hand away, and try again."
    ),
}
NOT_USABLE = mark("We cannot use this photo. Please try another one.")

# These are searched with all the same.
DOUBTED = {
    "maybe-turned": mark(
        "We can use it. If you can, add one in which you look straight into the camera: it may find more."
    ),
    "maybe-eyes-covered": mark(
        "We can use it. If you can, add one in which both eyes are easy to see: it may find more."
    ),
    "maybe-mouth-covered": mark(
        "We can use it. If you can, add one in which the mouth is easy to see: it may find more."
    ),
}
