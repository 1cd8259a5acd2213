// Comparing a pair: both pictures closer, or the found one as in a mirror, as many selfies are. The keys are in keys.js.

const page = document.querySelector("[data-review]");

function toggles(button, name) {
  button.addEventListener("click", () => button.setAttribute("aria-pressed", String(page.classList.toggle(name))));
}

toggles(page.querySelector("[data-zoom]"), "zoomed");
toggles(page.querySelector("[data-flip]"), "flipped");
