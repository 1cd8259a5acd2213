// How a reviewer likes to look at pictures. It is kept in this browser and known to nobody else. This file stands in the
// head and is run at once: a picture that somebody wants blurred must not be seen sharp for a moment.
{
  const BREAK = 45 * 60 * 1000;
  const PAUSE = 5 * 60 * 1000;
  const stored = (name) => `efface-review-${name}`;
  const root = document.documentElement;

  const wants = (name) => (localStorage.getItem(stored(name)) ?? (name === "breaks" ? "on" : "off")) === "on";

  const apply = () => {
    for (const name of ["blur", "grey", "contrast"]) root.classList.toggle(`wish-${name}`, wants(name));
  };

  // Who did nothing for five minutes had a break.
  const sitsSince = () => {
    const now = Date.now();
    const away = now - Number(localStorage.getItem(stored("last")) ?? 0) > PAUSE;
    if (away) localStorage.setItem(stored("since"), String(now));
    localStorage.setItem(stored("last"), String(now));
    return Number(localStorage.getItem(stored("since")) ?? now);
  };

  const remind = (notice) => {
    const sits = Date.now() - sitsSince();
    notice.hidden = !wants("breaks") || sits < BREAK;
    notice.querySelector("button").addEventListener("click", () => {
      localStorage.setItem(stored("since"), String(Date.now()));
      notice.hidden = true;
    });
  };

  const setUp = (box) => {
    box.checked = wants(box.dataset.wish);
    box.addEventListener("change", () => {
      localStorage.setItem(stored(box.dataset.wish), box.checked ? "on" : "off");
      apply();
    });
  };

  const begin = () => {
    const notice = document.querySelector("[data-break]");
    if (notice !== null) remind(notice);
    // What the pointer makes sharp, the keyboard must, too.
    if (wants("blur")) for (const frame of document.querySelectorAll(".ef-frame")) frame.tabIndex = 0;
  };

  apply();
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-wish]").forEach(setUp);
    begin();
  });
  document.addEventListener("ef:looks", begin);
}
