// Checks a certificate on this device, so that the file need not be sent and no network is needed. It asks what
// portal/proofs.py asks of the proof and the plan. Where the browser knows no Ed25519 the form is sent instead: the answer is the same.

const form = document.querySelector("[data-verify]");
const subtle = window.crypto?.subtle;
const utf8 = new TextEncoder();

class Changed extends Error {}

const joined = (...parts) => {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) { bytes.set(part, at); at += part.length; }
  return bytes;
};
const sha256 = async (...parts) => new Uint8Array(await subtle.digest("SHA-256", joined(...parts)));
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const leafHash = (bytes) => sha256([0], bytes);
const nodeHash = (left, right) => sha256([1], left, right);

function base64(text) {
  let raw;
  try { raw = atob(text); } catch { throw new Changed("base64"); }
  if (btoa(raw) !== text) throw new Changed("base64");
  return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
}

function plainNumber(text) {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) throw new Changed("number");
  return Number(text);
}

function readKey(line) {
  const [name, id, encoded] = [line.slice(0, line.indexOf("+")), ...line.slice(line.indexOf("+") + 1).split(/\+(.*)/s)];
  return { name, id, raw: base64(encoded).slice(1) };
}

function readParts(bytes) {
  let parts;
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  try { parts = JSON.parse(text); } catch { throw new Changed("JSON"); }
  const names = ["format", "statement", "items", "proof"];
  if (parts?.format !== "efface-certificate/1" || Object.keys(parts).join() !== names.join()) throw new Changed("form");
  if (!names.every((name) => typeof parts[name] === "string")) throw new Changed("form");
  if (`${JSON.stringify(parts, null, 1)}\n` !== text) throw new Changed("form");
  return parts;
}

function readProof(text) {
  const at = text.indexOf("\n\n");
  const lines = text.slice(0, at).split("\n");
  if (at < 0 || lines[0] !== "c2sp.org/tlog-proof@v1" || !lines[1]?.startsWith("index ")) throw new Changed("proof");
  if (lines.length > 65) throw new Changed("proof");
  return { index: plainNumber(lines[1].slice(6)), path: lines.slice(2).map(base64), note: text.slice(at + 2) };
}

async function openHead(note, key, verify) {
  const at = note.lastIndexOf("\n\n");
  const text = note.slice(0, at + 1);
  let signedBy = 0;
  if (at < 0 || !note.endsWith("\n")) throw new Changed("signature");
  // Others may sign, too; whoever says to be the log must have signed well.
  for (const line of note.slice(at + 2, -1).split("\n")) {
    const found = /^— ([^\s+]+) (\S+)$/.exec(line);
    if (!found) throw new Changed("signature");
    const signed = base64(found[2]);
    if (found[1] !== key.name || hex(signed.slice(0, 4)) !== key.id) continue;
    if (!(await verify(signed.slice(4), utf8.encode(text)))) throw new Changed("signature");
    signedBy += 1;
  }
  if (!signedBy) throw new Changed("signature");
  const [origin, size, root, end, ...more] = text.split("\n");
  if (origin !== key.name || end !== "" || more.length) throw new Changed("head");
  return { size: plainNumber(size), root: base64(root) };
}

// RFC 9162, 2.1.3.2. Halving by division: shifting would cut the numbers at 32 bits.
async function isIncluded(leaf, index, head, path) {
  if (index >= head.size) return false;
  let [at, last, folded] = [index, head.size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) return false;
    if (at % 2 || at === last) {
      folded = await nodeHash(sibling, folded);
      while (at % 2 === 0 && at) { at /= 2; last = Math.floor(last / 2); }
    } else folded = await nodeHash(folded, sibling);
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && hex(folded) === hex(head.root);
}

async function rootOf(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0];
  let middle = 1;
  while (middle * 2 < leaves.length) middle *= 2;
  return nodeHash(await rootOf(leaves.slice(0, middle)), await rootOf(leaves.slice(middle)));
}

async function checkItems(statement, text) {
  if (hex(await sha256(utf8.encode(text))) !== statement.plan.items_digest) throw new Changed("items");
  const items = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const leaves = await Promise.all(items.map(({ commitment, kind, position, target }, place) => {
    if (position !== place) throw new Changed("items");
    return leafHash(utf8.encode(JSON.stringify({ commitment, kind, position, target })));
  }));
  if (statement.plan.items !== items.length || hex(await rootOf(leaves)) !== statement.plan.digest) throw new Changed("items");
}

async function check(bytes, key, verify) {
  const parts = readParts(bytes);
  const proof = readProof(parts.proof);
  const head = await openHead(proof.note, key, verify);
  const leaf = await leafHash(utf8.encode(parts.statement));
  if (!(await isIncluded(leaf, proof.index, head, proof.path))) throw new Changed("statement");
  const statement = JSON.parse(parts.statement);
  if (!/^efface-statement\/[12]$/.test(statement.format) || statement.kind !== "certificate") throw new Changed("statement");
  await checkItems(statement, parts.items);
}

async function answer(file, key, verify) {
  try {
    await check(new Uint8Array(await file.arrayBuffer()), key, verify);
    return "valid";
  } catch {
    return "changed";
  }
}

function show(which) {
  for (const one of form.querySelectorAll("[data-result]")) one.hidden = one.dataset.result !== which;
  form.querySelector(`[data-result=${which}]`).focus();
}

async function begin() {
  const key = readKey(form.dataset.verify);
  const known = await subtle.importKey("raw", key.raw, { name: "Ed25519" }, false, ["verify"]);
  const verify = (signature, bytes) => subtle.verify({ name: "Ed25519" }, known, signature, bytes);
  const [input, second] = form.querySelectorAll("input[type=file]");
  form.querySelector("[data-on-device]").hidden = false;
  form.addEventListener("submit", async (event) => {
    // Two certificates need the log's own proof between them, which only the server has.
    if (!input.files[0] || second.files[0]) return;
    event.preventDefault();
    show(await answer(input.files[0], key, verify));
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
