// Is a certificate as it was issued? Asks item by item what portal/proofs.py asks, and refuses in the same sentences.
// Trees are of RFC 6962. No network, and nothing is kept. `verify` is given: it says whether Ed25519 signed some bytes.

const { subtle } = window.crypto;
export const utf8 = new TextEncoder();
const PARTS = ["format", "statement", "items", "proof"];
export const LARGEST_FILE = 256 * 1024 * 1024;
const [FORMAT, LONGEST_PROOF, MOST_SIGNATURES] = ["efface-certificate/1", 63, 100];
const STATEMENTS = ["efface-statement/1", "efface-statement/2"];
const SAID = `format kind id at erasure extent issuer case dates plan search counts parts datasets models products
  recipients kept exceptions backups approval checked`.split(/\s+/);
const PEOPLE = { model: "models", output: "outputs", product: "products", recipient: "recipients" };
const NOT_GONE = ["refused", "withheld", "residual"];
export const UNDONE = ["kept", "not-reached", "not-yet-decided"];
const ERASES_NOTHING = ["output-suppressed", "template-dropped"];

// It does not count. The message says why.
export class Refused extends Error {}
// Both count alone, and not together: the log has two histories.
export class Forked extends Error {}

export const refuseIf = (wrong, sentence) => { if (wrong) throw new Refused(sentence); };
export const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function joined(...parts) {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) { bytes.set(part, at); at += part.length; }
  return bytes;
}
export const sha256 = async (...parts) => new Uint8Array(await subtle.digest("SHA-256", joined(...parts)));
export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
export const leafHash = (bytes) => sha256([0], bytes);
export const nodeHash = (left, right) => sha256([1], left, right);

export function unhex(text) {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new TypeError("something should be hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

// The largest power of two below `size`. By doubling: shifting would cut the numbers at 32 bits.
function half(size) {
  let middle = 1;
  while (middle * 2 < size) middle *= 2;
  return middle;
}

export async function rootOf(leaves) {
  if (leaves.length < 2) return leaves[0] ?? sha256();
  const middle = half(leaves.length);
  return nodeHash(await rootOf(leaves.slice(0, middle)), await rootOf(leaves.slice(middle)));
}

// RFC 6962, 2.1.1.
export async function isIncluded(leaf, index, size, path, root) {
  const rights = [];
  for (let [at, left] = [index, size]; left > 1;) {
    const middle = half(left);
    rights.unshift(at >= middle);
    [at, left] = at >= middle ? [at - middle, left - middle] : [at, middle];
  }
  if (index < 0 || index >= size || path.length !== rights.length) return false;
  let folded = leaf;
  for (const [place, node] of path.entries()) {
    folded = rights[place] ? await nodeHash(node, folded) : await nodeHash(folded, node);
  }
  return hex(folded) === hex(root);
}

// RFC 9162, 2.1.4.2, for sizes that differ: the tree of `old` is the beginning of that of `new`.
async function isBeginning(older, newer, path) {
  const whole = half(older.size * 2) === older.size;
  const [first, ...nodes] = whole ? [older.root, ...path] : path;
  if (!first) return false;
  let [at, last, oldFolded, newFolded] = [older.size - 1, newer.size - 1, first, first];
  const up = () => { [at, last] = [Math.floor(at / 2), Math.floor(last / 2)]; };
  while (at % 2) up();
  for (const sibling of nodes) {
    if (last === 0) return false;
    if (at % 2 || at === last) {
      [oldFolded, newFolded] = [await nodeHash(sibling, oldFolded), await nodeHash(sibling, newFolded)];
      while (at % 2 === 0 && at) up();
    } else newFolded = await nodeHash(newFolded, sibling);
    up();
  }
  return last === 0 && hex(oldFolded) === hex(older.root) && hex(newFolded) === hex(newer.root);
}

// Standard base64 in its one canonical form.
function readBase64(text, length) {
  let raw;
  try { raw = atob(text); } catch { throw new Refused("Something that should be base64 is not."); }
  const wrong = btoa(raw) !== text || (length !== undefined && raw.length !== length);
  refuseIf(wrong, "Base64 is not written in its one right way, or is of another length.");
  return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
}

function readDecimal(text) {
  refuseIf(!/^(0|[1-9][0-9]{0,18})$/.test(text), "Something that should be a plain number is not.");
  return Number(text);
}

// The key in "name+hash+base64", as this site wrote it.
export function readKey(line) {
  const [name, id, ...encoded] = line.split("+");
  return { name, id, raw: readBase64(encoded.join("+"), 33).slice(1) };
}

function readParts(bytes) {
  let parts;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    parts = bytes.length <= LARGEST_FILE ? JSON.parse(text) : {};
  } catch (problem) {
    throw new Refused(`The file is not JSON that can be read: ${problem.message}.`);
  }
  const known = parts?.format === FORMAT && same(Object.keys(parts), PARTS);
  refuseIf(!known, `The file is not a certificate: it does not say ${FORMAT}.`);
  // A half of a pair of surrogates has no bytes in UTF-8.
  const strange = PARTS.some((name) => typeof parts[name] !== "string" || /\p{Surrogate}/u.test(parts[name]));
  const wrong = strange || `${JSON.stringify(parts, null, 1)}\n` !== text;
  refuseIf(wrong, "The file was changed: it is not written the way certificates are.");
  return parts;
}

function readProof(text) {
  const at = text.indexOf("\n\n");
  const found = /^c2sp\.org\/tlog-proof@v1\nindex (\S+)((?:\n\S+)*)$/.exec(at < 0 ? text : text.slice(0, at));
  const [path, note] = [found?.[2].split("\n").slice(1) ?? [], at < 0 ? "" : text.slice(at + 2)];
  const wrong = !found || !note || path.length > LONGEST_PROOF;
  refuseIf(wrong, "The proof does not have its header, its index or its head, or is too long.");
  return { index: readDecimal(found[1]), path: path.map((node) => readBase64(node, 32)), note };
}

// Others may sign, too; whoever says to be the log must have signed well.
async function openNote(note, key, verify) {
  const at = note.lastIndexOf("\n\n");
  const [text, lines] = [note.slice(0, at + 1), note.slice(at + 2, -1).split("\n")];
  const strange = /[\x00-\x09\x0b-\x1f]/.test(note) || at < 0 || !note.endsWith("\n") || lines.length > MOST_SIGNATURES;
  refuseIf(strange, "The note is not a plain text with some signatures below it.");
  let signedBy = 0;
  for (const line of lines) {
    const signer = /^— ([^\s+]+) (\S+)$/.exec(line);
    const signed = signer ? readBase64(signer[2]) : [];
    refuseIf(signed.length < 5, "A line below the text is not a signature.");
    if (signer[1] !== key.name || hex(signed.slice(0, 4)) !== key.id) continue;
    refuseIf(!(await verify(signed.slice(4), utf8.encode(text))), "The signature does not fit the text.");
    signedBy += 1;
  }
  refuseIf(!signedBy, "The signature is not by this key.");
  return text;
}

function readHead(text) {
  const [origin, size, root, end, ...more] = text.split("\n");
  refuseIf(!origin || end !== "" || more.length, "The signed head of the log does not have its three lines.");
  return { origin, size: readDecimal(size), root: readBase64(root, 32) };
}

// Where the statement is in the log, its leaf, and the head that vouches for it.
export async function checkProof(parts, key, verify) {
  const { index, path, note } = readProof(parts.proof);
  const { origin, size, root } = readHead(await openNote(note, key, verify));
  refuseIf(origin !== key.name, "The proof is of another log than this key's.");
  const leaf = await leafHash(utf8.encode(parts.statement));
  const inside = await isIncluded(leaf, index, size, path, root);
  refuseIf(!inside, "The statement was changed: its hash is not the one in the log.");
  return { index, leaf, size, root };
}

// The certificate with its place in the log, once all of it was checked. Throws Refused.
export async function check(bytes, key, verify) {
  const parts = readParts(bytes);
  const head = await checkProof(parts, key, verify);
  try {
    const statement = JSON.parse(parts.statement);
    const missing = SAID.find((name) => !Object.hasOwn(Object(statement), name));
    refuseIf(missing, `Something is missing in the statement: ${missing}.`);
    const known = STATEMENTS.includes(statement.format) && statement.kind === "certificate";
    refuseIf(!known, "The entry of the log is not a certificate's statement.");
    await checkItems(statement, parts.items);
    return { ...head, said: `Certificate ${statement.id} is genuine: ${statement.extent}.` };
  } catch (problem) {
    if (problem instanceof Refused) throw problem;
    throw new Refused(`Something in the file is missing or not of its kind: ${problem.message}.`);
  }
}

async function checkItems(statement, text) {
  const items = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const { plan } = statement;
  const listed = hex(await sha256(utf8.encode(text))) === plan.items_digest;
  refuseIf(!listed, "The list of items was changed: its digest is not the one in the statement.");
  const inPlace = items.length === plan.items && items.every((item, place) => item.position === place);
  refuseIf(!inPlace, `The plan had ${plan.items} items: one is missing or in another place.`);
  for (const item of items) {
    const missing = ["commitment", "kind", "target", "state", "result"].find((name) => item[name] === undefined);
    if (missing) throw new TypeError(`'${missing}'`);
  }
  const leaves = items.map(({ commitment, kind, position, target }) =>
    leafHash(utf8.encode(JSON.stringify({ commitment, kind, position, target }))));
  const planned = hex(await rootOf(await Promise.all(leaves))) === plan.digest;
  refuseIf(!planned, "The items listed are not the ones in the plan that was approved.");
  checkSums(statement, items);
  if (statement.format === STATEMENTS[0]) return;
  const gone = items.filter((item) => item.kind === "suppression").map((item) => item.position);
  for (const { evidence } of items.filter((item) => item.result === "retrained-without")) {
    const { run } = evidence;
    const shown = await Promise.all(run.absent.map((one) => isAbsent(run, one)));
    const absent = run.absent.filter((_, place) => shown[place]).map((one) => one.item);
    refuseIf(!same(absent, gone), "A model was trained again, but not each photograph is shown to be left out.");
  }
}

function checkSums(statement, items) {
  const said = Object.entries(statement.counts).flatMap(([kind, results]) =>
    Object.entries(results).map(([result, count]) => [JSON.stringify([kind, result]), count]));
  const counted = new Map();
  for (const { kind, result } of items) {
    const name = JSON.stringify([kind, result]);
    counted.set(name, (counted.get(name) ?? 0) + 1);
  }
  const right = said.length === counted.size && said.every(([name, count]) => counted.get(name) === count);
  refuseIf(!right, "The counts in the statement are not those of the items listed.");
  for (const [kind, name] of Object.entries(PEOPLE)) {
    const results = items.filter((item) => item.kind === kind).map((item) => item.result).sort();
    const told = (statement[name] ?? []).map((one) => one.result).sort();
    refuseIf(!same(told, results), `The ${name} in the statement are not those of the items listed.`);
  }
  const wrong = statement.extent !== extentOf(items, statement.erasure);
  refuseIf(wrong, `The statement calls itself ${statement.extent}, but the items listed say otherwise.`);
}

function extentOf(items, kind) {
  const undone = kind === "opt-out" ? UNDONE : [...UNDONE, ...ERASES_NOTHING];
  return items.some((one) => NOT_GONE.includes(one.state) || undone.includes(one.result)) ? "partial" : "full";
}

// Whether a photograph lies between two neighbours in the run's sorted tree. `at`: how many are before it.
async function isAbsent(run, one) {
  const [size, at, root, key] = [run.photographs, one.at, unhex(run.root), hex(unhex(one.key))];
  if (!Number.isInteger(size) || !Number.isInteger(at)) throw new TypeError("a number is not one");
  for (const [place, side] of [[at - 1, one.below], [at, one.above]]) {
    if (place < 0 || place >= size) continue;
    const [leaf, ...path] = (side.length ? side : [""]).map(unhex);
    const between = leaf.length === 32 && hex(leaf) !== key && hex(leaf) < key === place < at;
    if (!between || !(await isIncluded(await leafHash(leaf), place, size, path, root))) return false;
  }
  return at >= 0 && at <= size && (size > 0 || hex(root) === hex(await sha256()));
}

// The log's own proof between two heads, as portal/audit/consistency.py writes it.
function readConsistency(text, from, to) {
  const [header, sizes, ...nodes] = text.split("\n");
  const right = header === "efface-consistency/1" && sizes === `from ${from} to ${to}` && text.endsWith("\n");
  refuseIf(!right, `This is not a proof from ${from} to ${to} entries.`);
  refuseIf(nodes.length > LONGEST_PROOF + 2, "The proof is too long.");
  return nodes.filter(Boolean).map((node) => readBase64(node, 32));
}

// Of two checked certificates: that their heads are of one history. `ask(from, to)` gets the log's proof as text, and
// is only asked where their sizes differ. Throws Forked when there are two histories, Refused for another proof.
export async function checkTogether(one, other, ask) {
  const [older, newer] = one.size <= other.size ? [one, other] : [other, one];
  const forkedIf = (wrong, sentence) => { if (wrong) throw new Forked(sentence); };
  const contradict = (one.index === other.index) !== (hex(one.leaf) === hex(other.leaf));
  forkedIf(contradict, "The two certificates contradict each other about one entry of the log.");
  if (older.size === newer.size) {
    const differ = hex(older.root) !== hex(newer.root);
    forkedIf(differ, "The log has two histories: with as many entries its head is another one.");
    return;
  }
  const path = readConsistency(await ask(older.size, newer.size), older.size, newer.size);
  const wrong = !(await isBeginning(older, newer, path));
  forkedIf(wrong, "The log has two histories: the older head is not the beginning of the newer one.");
}
