// Judging pairs from the keyboard. The page works without this file: every key presses a button that is there anyway.

const page = document.querySelector("[data-review]");
const switchBox = document.querySelector("[data-shortcuts]");
const stored = "efface-review-shortcuts";

function shortcutsOn() {
  return switchBox.checked;
}

function writing(target) {
  return target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
}

function toggleZoom() {
  const zoomed = page.classList.toggle("zoomed");
  page.querySelector("[data-zoom]").setAttribute("aria-pressed", String(zoomed));
}

function press(key) {
  const button = page.querySelector(`[data-key="${key}"]`);
  if (button === null) return false;
  button.click();
  return true;
}

for (const hidden of document.querySelectorAll("[data-with-script]")) hidden.hidden = false;
switchBox.checked = localStorage.getItem(stored) !== "off";
document.documentElement.classList.toggle("shortcuts-off", !switchBox.checked);
switchBox.addEventListener("change", () => {
  localStorage.setItem(stored, switchBox.checked ? "on" : "off");
  document.documentElement.classList.toggle("shortcuts-off", !switchBox.checked);
});

page.querySelector("[data-zoom]")?.addEventListener("click", toggleZoom);

document.addEventListener("keydown", (event) => {
  // A key that is held down must not answer the next pair as well.
  if (!shortcutsOn() || event.repeat || event.ctrlKey || event.metaKey || event.altKey || writing(event.target)) return;
  if (press(event.key.toLowerCase())) event.preventDefault();
});
