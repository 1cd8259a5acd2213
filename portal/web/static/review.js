// Comparing a pair: both pictures closer, or the found one as in a mirror, as many selfies are. The keys are in keys.js.

const page = document.querySelector("[data-review]");
const frames = [...page.querySelectorAll(".ef-frame")];

function toggles(button, name) {
  button.addEventListener("click", () => button.setAttribute("aria-pressed", String(page.classList.toggle(name))));
}

// From the middle on: that is where the face is.
function centre(frame) {
  frame.scrollTo({
    left: (frame.scrollWidth - frame.clientWidth) / 2,
    top: (frame.scrollHeight - frame.clientHeight) / 2,
    behavior: "instant",
  });
}

// Closer pictures move together: the same part of both faces stays in sight.
function follow(frame) {
  for (const other of frames) {
    if (other !== frame) other.scrollTo({ left: frame.scrollLeft, top: frame.scrollTop, behavior: "instant" });
  }
}

toggles(page.querySelector("[data-zoom]"), "zoomed");
toggles(page.querySelector("[data-flip]"), "flipped");
page.querySelector("[data-zoom]").addEventListener("click", () => frames.forEach(centre));
for (const frame of frames) frame.addEventListener("scroll", () => follow(frame));
