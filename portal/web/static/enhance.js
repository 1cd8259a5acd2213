// Everything works without this file. It moves the focus to the error summary, counts characters, narrows down long
// lists, prints all, keeps a button from being pressed twice, and lets Shift pressed three times leave the page.

for (const summary of document.querySelectorAll("[data-focus]")) summary.focus();

for (const area of document.querySelectorAll("textarea[data-most]")) {
  const shown = document.getElementById(`${area.id}-count`);
  const said = document.querySelector(`[data-count-for="${area.id}"]`);
  let timer = 0;
  const count = () => {
    const left = Number(area.dataset.most) - [...area.value].length;
    const text = (left >= 0 ? area.dataset.left : area.dataset.over).replace("#", Math.abs(left));
    shown.textContent = text;
    clearTimeout(timer);
    // A screen reader hears it once the typing pauses.
    timer = setTimeout(() => { said.textContent = text; }, 1000);
  };
  area.addEventListener("input", count);
  count();
}

// Of many choices those whose words hold what is typed; the chosen one and the last, which fits everybody, stay.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
for (const filter of document.querySelectorAll("[data-filter]")) {
  const box = filter.querySelector("input");
  const said = filter.querySelector("[data-filter-said]");
  const choices = [...filter.parentElement.querySelectorAll(".ef-choice")];
  filter.hidden = false;
  box.addEventListener("input", () => {
    const fits = (choice) => plain(`${choice.textContent} ${choice.dataset.also ?? ""}`).includes(plain(box.value.trim()));
    for (const choice of choices) {
      choice.hidden = !fits(choice) && choice !== choices.at(-1) && !choice.querySelector("input").checked;
    }
    said.textContent = said.dataset.filterSaid.replace("#", choices.filter(fits).length);
  });
  // Enter would send the page before anything is chosen.
  box.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// On paper nothing can be opened, so what is folded is printed open, and folded again afterwards.
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const part of folded) part.open = true;
});
window.addEventListener("afterprint", () => { for (const part of folded) part.open = false; });

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent && Date.now() - Number(form.dataset.sent) < 2000) event.preventDefault();
  form.dataset.sent = String(Date.now());
});

const exit = document.querySelector("[data-exit]");
if (exit) {
  const leave = () => {
    document.body.replaceChildren();
    // The page leaves no place to come back to with the Back button.
    window.location.replace(exit.href);
  };
  exit.addEventListener("click", (event) => { event.preventDefault(); leave(); });
  let presses = [];
  document.addEventListener("keyup", (event) => {
    if (event.key !== "Shift") { presses = []; return; }
    const now = Date.now();
    presses = [...presses.filter((at) => now - at < 2000), now];
    if (presses.length >= 3) leave();
  });
}
