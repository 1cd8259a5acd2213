// Is the statement of an order, or a part of one, as it was issued? Asks what portal/orders/verifying.py asks, and
// refuses in the same sentences. No network, and nothing is kept.

import { checkProof, hex, isIncluded, LARGEST_FILE, leafHash, nodeHash, Refused, refuseIf, rootOf, same, sha256,
  UNDONE, unhex, utf8 } from "./proofs.js";

const [ORDER, PART, STATEMENT, SIZE] = ["efface-order/1", "efface-order-part/1", "efface-order-statement/1", 1024];
const FIELDS = {
  [ORDER]: ["format", "statement", "lines", "chunks", "proof"],
  [PART]: ["format", "statement", "number", "of", "items", "path", "proof"],
};
const KINDS = { number: Number.isInteger, of: Number.isInteger, path: isPath };
const FOR_PEOPLE = ["model", "output", "product", "recipient"];
const GONE = ["deleted", "already-absent"];

const isText = (value) => typeof value === "string" && !/\p{Surrogate}/u.test(value);
function isPath(nodes) { return Array.isArray(nodes) && nodes.every((node) => /^[0-9a-f]{64}$/.test(node)); }

// Whether a file says that it is one of these. Nothing is checked.
export function isOfOrder(bytes) {
  const start = new TextDecoder("latin1").decode(bytes.slice(0, 60));
  return Object.keys(FIELDS).some((format) => start.includes(`"format": "${format}"`));
}

function readFields(bytes) {
  refuseIf(bytes.length > LARGEST_FILE, "The file is too large for a certificate.");
  let fields;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    fields = JSON.parse(text);
  } catch { throw new Refused("The file is not a certificate: it is not JSON."); }
  const known = same(FIELDS[fields?.format], Object.keys(Object(fields)));
  refuseIf(!known, "The file is not the certificate of an order.");
  const wrong = Object.entries(fields).some(([name, value]) => !(KINDS[name] ?? isText)(value));
  const form = "The file is not in the form in which it was issued.";
  refuseIf(wrong || `${JSON.stringify(fields, null, 1)}\n` !== text, form);
  return fields;
}

function readObject(text) {
  const value = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("not an object");
  return value;
}
const readLines = (text) => text.split("\n").filter(Boolean).map(readObject);
const digestOf = async (text) => hex(await sha256(utf8.encode(text)));
const sumOf = (numbers) => numbers.reduce((sum, one) => sum + one, 0);

// The results of many chunks in one, sorted, so that two can be compared.
function tally(results) {
  const counts = {};
  for (const one of results) for (const [name, count] of Object.entries(one)) counts[name] = (counts[name] ?? 0) + count;
  return Object.entries(counts).sort();
}

// The statement with its place in the log, once all of the file was checked. Throws Refused.
export async function checkOrder(bytes, key, verify) {
  const fields = readFields(bytes);
  const head = await checkProof(fields, key, verify);
  try {
    const statement = readObject(fields.statement);
    const known = statement.format === STATEMENT && statement.kind === "order-certificate";
    refuseIf(!known, "The entry of the log is not the statement of an order.");
    const shown = fields.format === PART ? await checkPart(statement, fields) : await checkWhole(statement, fields);
    return { ...head, said: `Certificate ${statement.id} is genuine: ${statement.extent}.${shown}` };
  } catch (problem) {
    if (problem instanceof Refused) throw problem;
    throw new Refused("Something is missing in the file, or is not of its kind.");
  }
}

async function checkWhole(statement, { lines, chunks }) {
  const listed = await digestOf(lines) === statement.lines_digest;
  refuseIf(!listed, "The list of stores, models and recipients was changed.");
  refuseIf(await digestOf(chunks) !== statement.chunks_digest, "The list of chunks was changed.");
  const [named, byChunk] = [readLines(lines), readLines(chunks)];
  await checkChunks(statement, byChunk);
  const people = named.filter((line) => FOR_PEOPLE.includes(line.kind));
  const leaves = await Promise.all(people.map(({ kind, position, target }) =>
    leafHash(utf8.encode(JSON.stringify({ commitment: "", kind, position, target })))));
  const images = await rootOf(byChunk.map((line) => unhex(line.root)));
  const planned = hex(await nodeHash(images, await rootOf(leaves))) === statement.plan.digest;
  refuseIf(!planned, "The chunks listed are not those of the plan that was approved.");
  const { models, recipients } = statement.parts;
  const counted = same(tally(people.map((line) => ({ [line.result]: 1 }))), tally([models.results, recipients.results]));
  refuseIf(!counted, "The models and recipients in the statement are not those of the lines.");
  const wrong = statement.extent !== extentOf(statement, named);
  refuseIf(wrong, `The statement calls itself ${statement.extent}, but what it lists says otherwise.`);
  return "";
}

function extentOf(statement, lines) {
  const whole = Object.keys(statement.parts.images.results).every((result) => GONE.includes(result));
  const read = !statement.exceptions.some((one) => one.why === "never-read");
  const undone = [...UNDONE, "output-suppressed"];
  return whole && read && !lines.some((line) => undone.includes(line.result)) ? "full" : "partial";
}

async function checkChunks(statement, byChunk) {
  const inPlace = byChunk.every((line, place) => line.number === place);
  const full = byChunk.slice(0, -1).every((line) => line.images === SIZE);
  refuseIf(!inPlace || !full, "A chunk is missing, or in another place.");
  const right = byChunk.every((line) => sumOf(Object.values(line.results)) === line.images);
  refuseIf(!right, "The counts of a chunk do not add up.");
  const { planned, results } = statement.parts.images;
  const counted = sumOf(byChunk.map((line) => line.images)) === planned
    && same(tally(byChunk.map((line) => line.results)), tally([results]));
  refuseIf(!counted, "The counts in the statement are not those of the chunks.");
  const root = hex(await rootOf(byChunk.map((line) => unhex(line.results_root))));
  refuseIf(root !== statement.results_root, "What became of the photographs was changed.");
}

async function checkPart({ plan, results_root: root }, { number, of, items: text, path }) {
  const texts = text.split("\n");
  refuseIf(texts.pop() || !texts.length, "A photograph is missing, or in another place.");
  const alone = of === plan.images && texts.length === 1;
  const first = alone ? number : number * SIZE;
  const inPlace = texts.map(readObject).every((item, place) => item.position === first + place);
  refuseIf(!inPlace, "A photograph is missing, or in another place.");
  refuseIf(!alone && of !== plan.chunks, "The part is of another order.");
  const top = await rootOf(await Promise.all(texts.map((line) => leafHash(utf8.encode(line)))));
  const inside = await isIncluded(top, number, of, path.map(unhex), unhex(root));
  refuseIf(!inside, "These photographs, or what is said of them, were changed.");
  return ` This file shows what became of ${texts.length.toLocaleString("en")} of its photographs.`;
}
