// Single keys for buttons. Every key presses a button of the page that is there anyway, so nothing needs this file.
// Which key presses what, and whether keys do anything at all, is kept in this browser, for each desk by itself.

const desk = document.querySelector("[data-keys]")?.dataset.keys;
let switchBox;
const settings = document.querySelector("[data-key-settings]");
const stored = `efface-${desk}-shortcuts`;
const storedKey = (name) => `efface-${desk}-key-${name}`;

// The key of a button is named after the one it has from the start. An empty one: this button has no key.
function keyOf(name) {
  return localStorage.getItem(storedKey(name)) ?? name;
}

function setUpSwitch() {
  switchBox.checked = localStorage.getItem(stored) !== "off";
  document.documentElement.classList.toggle("shortcuts-off", !switchBox.checked);
  switchBox.addEventListener("change", () => {
    localStorage.setItem(stored, switchBox.checked ? "on" : "off");
    document.documentElement.classList.toggle("shortcuts-off", !switchBox.checked);
  });
}

// The arrows by their signs, as the pages name them.
const signs = { ArrowLeft: "←", ArrowRight: "→" };

// Of a picture that is larger than its frame, the arrows move the part one sees.
function scrolling(event) {
  const frame = event.target;
  return event.key in signs && frame.scrollWidth > frame.clientWidth && frame.matches(".ef-frame");
}

function writing(target) {
  return target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
}

function press(key) {
  const button = [...document.querySelectorAll("[data-key]")].find((one) => keyOf(one.dataset.key) === key);
  if (button === undefined) return false;
  // Who wants it answers with two keys: the first only goes to the button, and Enter presses it.
  if (button.name === "answer" && localStorage.getItem(`efface-${desk}-enter`) === "on") button.focus();
  else button.click();
  return true;
}

function showKeys() {
  const names = [];
  for (const button of document.querySelectorAll("[data-key]")) {
    const key = keyOf(button.dataset.key);
    const label = button.querySelector("kbd");
    label.textContent = key.toUpperCase();
    label.hidden = key === "";
    names.push(button.dataset.key);
  }
  const list = document.querySelector("[data-key-list]");
  if (list === null || names.every((name) => keyOf(name) === name)) return;
  const keys = names.map((name) => keyOf(name).toUpperCase()).filter((key) => key !== "");
  list.textContent = `Keys ${keys.join(", ")}`;
}

function listen() {
  document.addEventListener("keydown", (event) => {
    const meant = event.ctrlKey || event.metaKey || event.altKey || writing(event.target) || scrolling(event);
    // A key that is held down must not answer the next page as well.
    if (!switchBox.checked || event.repeat || meant) return;
    if (press(signs[event.key] ?? event.key.toLowerCase())) event.preventDefault();
  });
}

function tell(sentence) {
  settings.querySelector("[data-key-told]").textContent = sentence;
}

function change(field, fields) {
  const { name, label } = field.dataset;
  const key = field.value.trim().toLowerCase();
  const other = fields.find((one) => one !== field && key !== "" && keyOf(one.dataset.name) === key);
  if (field.value !== "" && key === "") {
    tell(`The space bar cannot be a key: it presses buttons. “${label}” stays as it was.`);
  } else if (other !== undefined) {
    const had = keyOf(name) === "" ? "has no key" : `keeps ${keyOf(name).toUpperCase()}`;
    tell(`${key.toUpperCase()} is the key for “${other.dataset.label}”. “${label}” ${had}.`);
  } else {
    localStorage.setItem(storedKey(name), key);
    tell(key === "" ? `“${label}” has no key now.` : `The key for “${label}” is ${key.toUpperCase()} now.`);
  }
  field.value = keyOf(name).toUpperCase();
  field.select();
  showKeys();
}

function setUpKeys() {
  const fields = [...settings.querySelectorAll("[data-name]")];
  const show = () => fields.forEach((field) => (field.value = keyOf(field.dataset.name).toUpperCase()));
  show();
  for (const field of fields) {
    field.addEventListener("focus", () => field.select());
    field.addEventListener("input", (event) => event.isComposing || change(field, fields));
  }
  setUpHands(fields, (sentence) => {
    show();
    showKeys();
    tell(sentence);
  });
  settings.querySelector("[data-key-reset]").addEventListener("click", () => {
    for (const field of fields) localStorage.removeItem(storedKey(field.dataset.name));
    show();
    showKeys();
    tell("All keys are as they were at first.");
  });
}

function setUpHands(fields, told) {
  for (const button of settings.querySelectorAll("[data-key-hand]")) {
    button.addEventListener("click", () => {
      const chosen = JSON.parse(button.dataset.keyHand);
      for (const { dataset } of fields) {
        if (dataset.name in chosen) localStorage.setItem(storedKey(dataset.name), chosen[dataset.name]);
        else localStorage.removeItem(storedKey(dataset.name));
      }
      told("All keys lie under one hand now.");
    });
  }
}

// Done again when another pair takes the place of the one that was answered.
function begin() {
  switchBox = document.querySelector("[data-shortcuts]");
  for (const hidden of document.querySelectorAll("[data-with-script]")) hidden.hidden = false;
  if (switchBox !== null) setUpSwitch();
  showKeys();
}

begin();
document.addEventListener("ef:looks", begin);
if (settings !== null) setUpKeys();
if (document.querySelector("[data-key]") !== null) listen();
