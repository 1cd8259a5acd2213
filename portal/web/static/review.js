// Comparing a pair: both pictures closer, or the found one as in a mirror, as many selfies are. And the pair after this
// one: while somebody looks, its page and its pictures are fetched, so that nobody waits for them. They are kept in the
// memory of this page and nowhere else. The keys are in keys.js.

let page;
let frames;
let ready = null;
let sending = false;

const find = (name) => page.querySelector(name);

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

// Another photograph that was sent. It is on the page already, so nothing is asked for and nothing ticked is lost.
function turn(event) {
  event.preventDefault();
  const photos = [...page.querySelectorAll("[data-photo]")];
  const now = photos.findIndex((photo) => !photo.hidden);
  const next = (now + Number(event.currentTarget.dataset.turn) + photos.length) % photos.length;
  photos.forEach((photo, place) => (photo.hidden = place !== next));
  find("[data-photo-number]").textContent = String(next + 1);
}

function read(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(reader.result));
    reader.addEventListener("error", () => failed(reader.error));
    reader.readAsDataURL(blob);
  });
}

async function fetchPicture(image) {
  const answer = await fetch(image.getAttribute("src"));
  if (!answer.ok) throw new Error(String(answer.status));
  image.loading = "eager";
  image.src = await read(await answer.blob());
}

// The address of the next pair, and its page with the pictures in it. Whatever goes wrong: then it comes the plain way.
async function fetchNext() {
  const token = find("[name=csrf_token]").value;
  const told = await fetch(page.dataset.ahead, { method: "POST", body: new URLSearchParams({ csrf_token: token }) });
  const address = told.ok ? await told.text() : "";
  if (address === "") return null;
  const answer = await fetch(address);
  if (!answer.ok) return null;
  const made = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = made.querySelector("[data-review]");
  if (next === null) return null;
  await Promise.all([...next.querySelectorAll("img")].map(fetchPicture));
  return { path: new URL(address, location.href).pathname, page: next, title: made.title };
}

// Whatever the server says comes next is shown: the pair that lies ready, or another page.
async function send(form, button, next) {
  const body = new URLSearchParams(new FormData(form, button));
  const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/plain" } });
  const { pathname } = new URL(answer.ok ? await answer.text() : "", location.href);
  if (answer.ok && pathname === next.path) show(next);
  else location.assign(answer.ok ? pathname : location.href);
}

function answered(event) {
  if (sending) event.preventDefault();
  if (sending || ready === null || event.submitter?.name !== "answer") return;
  event.preventDefault();
  sending = true;
  // Nothing is known of what happened to the answer: the page says it when it is loaded again.
  send(event.target, event.submitter, ready).catch(() => location.reload());
}

function show(next) {
  document.title = next.title;
  page.replaceWith(document.adoptNode(next.page));
  history.pushState(null, "", next.path);
  begin();
  document.dispatchEvent(new Event("ef:looks"));
  const heading = find("h1");
  heading.tabIndex = -1;
  heading.focus();
}

function begin() {
  page = document.querySelector("[data-review]");
  frames = [...page.querySelectorAll(".ef-frame")];
  toggles(find("[data-zoom]"), "zoomed");
  toggles(find("[data-flip]"), "flipped");
  find("[data-zoom]").addEventListener("click", () => frames.forEach(centre));
  for (const frame of frames) frame.addEventListener("scroll", () => follow(frame));
  for (const link of page.querySelectorAll("[data-turn]")) link.addEventListener("click", turn);
  find("form").addEventListener("submit", answered);
  ready = null;
  sending = false;
  const current = page;
  fetchNext()
    .then((next) => {
      if (page !== current) return;
      ready = next;
      // For whoever watches the page, such as a test.
      page.dataset.ready = String(next !== null);
    })
    .catch(() => {});
}

window.addEventListener("popstate", () => location.reload());
begin();
