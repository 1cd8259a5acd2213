// Checks certificates on this device, so that no file need be sent. One needs no network; for two the log's own proof
// between them is asked for, by two numbers. Where the browser knows no Ed25519 the form is sent: the answer is the same.

import { checkOrder, isOfOrder } from "./order-proofs.js";
import { check, checkTogether, Forked, readKey, Refused } from "./proofs.js";

const form = document.querySelector("[data-verify]");
const subtle = window.crypto?.subtle;

class NoProof extends Error {}

async function ask(from, to) {
  const missing = new NoProof(`The log's proof from ${from} to ${to} entries is needed.`);
  const answered = await fetch(`${form.dataset.proof}?from=${from}&to=${to}`).catch(() => { throw missing; });
  if (!answered.ok) throw missing;
  return answered.text();
}

// Which box to show, and the sentences in it: those of `efface certificate`.
async function answer(files, key, verify) {
  try {
    const checked = [];
    for (const file of files) {
      const bytes = new Uint8Array(await file.arrayBuffer());
      checked.push(await (isOfOrder(bytes) ? checkOrder : check)(bytes, key, verify));
    }
    const why = checked.map(({ said }) => said).join(" ");
    if (checked.length > 1) await checkTogether(...checked, ask);
    return { which: "valid", why, together: checked.length > 1 };
  } catch (problem) {
    if (problem instanceof Forked) return { which: "forked", why: problem.message };
    if (problem instanceof NoProof) return { which: "untold", why: problem.message };
    if (problem instanceof Refused) return { which: "changed", why: problem.message };
    throw problem;
  }
}

function show({ which, why, together }) {
  for (const one of form.querySelectorAll("[data-result]")) one.hidden = one.dataset.result !== which;
  const box = form.querySelector(`[data-result=${which}]`);
  box.querySelector("[data-why]").textContent = why;
  const both = box.querySelector("[data-together]");
  if (both) both.hidden = !together;
  box.focus();
}

async function begin() {
  const key = readKey(form.dataset.verify);
  const known = await subtle.importKey("raw", key.raw, { name: "Ed25519" }, false, ["verify"]);
  const verify = (signature, bytes) => subtle.verify({ name: "Ed25519" }, known, signature, bytes);
  const [input, second] = form.querySelectorAll("input[type=file]");
  form.querySelector("[data-on-device]").hidden = false;
  form.addEventListener("submit", async (event) => {
    if (!input.files[0]) return;
    event.preventDefault();
    show(await answer([...input.files, ...second.files], key, verify));
  });
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    const [one, other] = event.dataTransfer.files;
    for (const [field, file] of [[input, one], [second, other]]) {
      const only = new DataTransfer();
      if (file) only.items.add(file);
      field.files = only.files;
    }
    form.requestSubmit();
  });
}

// Without Ed25519 in the browser the form is sent as it is.
if (form && subtle) begin().catch((problem) => { if (problem.name !== "NotSupportedError") throw problem; });
