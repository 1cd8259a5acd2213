// Going through the list of requests by its buttons, and so by the keys of keys.js.

const rows = [...document.querySelectorAll("[data-row]")];
const linkOf = (row) => row.querySelector("th a");
const here = () => rows.findIndex((row) => row.contains(document.activeElement));
let last = -1;

function go(step) {
  const from = here() === -1 ? last : here();
  const to = Math.min(Math.max(from + step, 0), rows.length - 1);
  last = to;
  linkOf(rows[to]).focus();
}

function tick() {
  const at = here() === -1 ? last : here();
  if (at !== -1) rows[at].querySelector("input[type=checkbox]").click();
}

// A button that was pressed with the mouse takes the focus with it, so the row is kept in mind.
document.addEventListener("focusin", () => { if (here() !== -1) last = here(); });
document.querySelector("[data-next]")?.addEventListener("click", () => go(1));
document.querySelector("[data-previous]")?.addEventListener("click", () => go(-1));
document.querySelector("[data-tick]")?.addEventListener("click", tick);
