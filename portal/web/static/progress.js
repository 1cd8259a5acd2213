// Keeps a scan's page fresh. Without this file the page reloads itself every five seconds.

const panel = document.querySelector("[data-poll]");
const spoken = document.querySelector("[data-spoken]");
let lastTold = Math.floor(Number(panel.dataset.percent) / 10);

function show(progress) {
  for (const [name, text] of Object.entries(progress.texts)) {
    const place = panel.querySelector(`[data-field="${name}"]`);
    if (place !== null) place.textContent = text;
  }
  const bar = panel.querySelector("progress");
  if (bar !== null) bar.value = progress.percent;
  // A screen reader hears every tenth, not every two seconds.
  const tenth = Math.floor(progress.percent / 10);
  if (tenth !== lastTold) spoken.textContent = progress.texts.summary;
  lastTold = tenth;
}

async function poll() {
  try {
    const response = await fetch(panel.dataset.poll, { headers: { Accept: "application/json" } });
    if (response.ok) {
      const progress = await response.json();
      if (progress.state !== panel.dataset.state) {
        location.reload();
        return;
      }
      show(progress);
    }
  } catch {
    // The server is away for a moment: the next try will tell.
  }
  setTimeout(poll, 2000);
}

setTimeout(poll, 2000);
