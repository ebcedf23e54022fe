/**
 * Numbers with units, printed and read to the letter as `tinygauge/units.py` does.
 */

import { decimalToNumber, multiply, parseDecimal } from "./decimal.mjs";

/** @typedef {"s"|"J"|"W"|"B"|"Hz"|"V"|"A"|"ratio"|"count"} Unit */

const DECIMAL = { G: 1e9, M: 1e6, k: 1e3, "": 1, m: 1e-3, u: 1e-6, n: 1e-9 };
const BINARY = { MiB: 1024 ** 2, KiB: 1024, B: 1 };
const PREFIXES = {
  s: ["", "m", "u", "n"],
  J: ["", "m", "u", "n"],
  W: ["", "m", "u"],
  Hz: ["G", "M", "k", ""],
  V: ["", "m"],
  A: ["", "m", "u", "n"],
};
const NUMBER = /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^,]*?)\s*$/;
const CASELESS = {
  kib: "KiB", mib: "MiB", b: "B", bytes: "B", byte: "B",
  mhz: "MHz", khz: "kHz", ghz: "GHz", hz: "Hz",
};

/** Spelling to [factor, unit]. */
const SPELLINGS = new Map([["", [1, "ratio"]], ["%", [0.01, "ratio"]], ["ratio", [1, "ratio"]]]);
for (const [name, factor] of Object.entries(BINARY)) SPELLINGS.set(name, [factor, "B"]);
for (const [unit, prefixes] of Object.entries(PREFIXES)) {
  for (const prefix of prefixes) {
    SPELLINGS.set(prefix + unit, [DECIMAL[prefix], unit]);
    if (prefix === "u") for (const micro of "µμ") SPELLINGS.set(micro + unit, [1e-6, unit]);
  }
}

/**
 * Print a number with so many decimals; a half goes to the even neighbour, as in Python.
 *
 * @param {number} value
 * @param {number} decimals
 * @param {boolean} [grouped] With commas between thousands.
 * @returns {string}
 */
export function fixed(value, decimals, grouped = false) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [whole, fraction] = digitsOf(Math.abs(value), decimals);
  const head = grouped ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole;
  return sign + head + (fraction ? `.${fraction}` : "");
}

function digitsOf(size, decimals) {
  if (size >= 1e21) return [String(BigInt(size)), "0".repeat(decimals)];
  const rounded = size.toFixed(decimals).split(".");
  // toFixed takes the larger of two equally near; the exact digits tell whether they are.
  const exact = size.toFixed(100);
  const point = exact.indexOf(".");
  const tail = exact.slice(point + 1 + decimals);
  if (!/^50*$/.test(tail)) return rounded;
  const kept = exact.slice(0, point) + exact.slice(point + 1, point + 1 + decimals);
  const even = BigInt(kept) + (BigInt(kept) % 2n);
  const text = String(even).padStart(decimals + 1, "0");
  const split = text.length - decimals;
  return [text.slice(0, split), text.slice(split)];
}

/**
 * @param {number} value
 * @param {number} [decimals]
 * @returns {string} Such as "11%".
 */
export function percent(value, decimals = 0) {
  return `${fixed(value * 100, decimals)}%`;
}

/**
 * Choose the factor and symbol that suit a value.
 *
 * @param {number} value In the base unit.
 * @param {Unit} unit
 * @returns {[number, string]} Divide by the factor before printing.
 */
export function scaleFor(value, unit) {
  const size = Math.abs(value);
  if (unit === "B") {
    return [["MiB", BINARY.MiB], ["KiB", BINARY.KiB]].find(([, f]) => size >= f)?.reverse() ?? [1, "B"];
  }
  if (unit === "ratio") return [0.01, "%"];
  const prefixes = PREFIXES[unit];
  if (!prefixes) return [1, unit];
  const prefix = prefixes.find((each) => size >= DECIMAL[each]) ?? prefixes.at(-1);
  return [DECIMAL[prefix], prefix + unit];
}

/** Print at least three significant digits, never in exponent form. */
function threeDigits(scaled) {
  if (scaled === 0 || !Number.isFinite(scaled)) {
    return scaled === 0 ? (Object.is(scaled, -0) ? "-0" : "0") : fixed(scaled, 0);
  }
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(scaled))));
  return fixed(scaled, Math.min(decimals, 6), true);
}

/**
 * @param {number} value In the base unit.
 * @param {Unit} unit
 * @returns {string} Such as "18.2 ms".
 */
export function formatValue(value, unit) {
  if (Number.isNaN(value)) return "unknown";
  const [factor, symbol] = scaleFor(value, unit);
  let digits;
  if (factor === 1 && (unit === "B" || unit === "count") && Number.isInteger(value)) {
    digits = fixed(value, 0, true);
  } else if (unit === "B") digits = fixed(value / factor, 1, true);
  else if (unit === "ratio") digits = fixed(value / factor, 1);
  else digits = threeDigits(value / factor);
  return unit === "count" ? digits : `${digits} ${symbol}`;
}

/**
 * @param {number} low
 * @param {number} high
 * @param {Unit} unit
 * @param {number} [like] Scale as for this value; by default as for the larger end.
 * @returns {string} Such as "17.1 to 20.3 ms".
 */
export function formatInterval(low, high, unit, like = undefined) {
  if (Number.isNaN(low) || Number.isNaN(high)) return "interval unknown";
  const [factor, symbol] = scaleFor(like ?? (Number.isFinite(high) ? high : low), unit);
  const tenths = unit === "ratio" || unit === "B";
  const digits = (value) => (tenths ? fixed(value, 1) : threeDigits(value));
  const suffix = unit === "count" ? "" : ` ${symbol}`;
  return `${digits(low / factor)} to ${digits(high / factor)}${suffix}`;
}

/**
 * @param {number} limit
 * @param {Unit} unit
 * @returns {string} As `parse` reads it: no commas, no zeros behind the point.
 */
export function formatLimit(limit, unit) {
  const [number, symbol = ""] = formatValue(limit, unit).replaceAll(",", "").split(" ");
  const short = number.includes(".") ? number.replace(/0+$/, "").replace(/\.$/, "") : number;
  return `${short} ${symbol}`.trim();
}

/**
 * Read a number with its unit.
 *
 * @param {string} text Such as "18 ms", "128KiB", "0.9", "90 %".
 * @returns {[number, Unit]} The value in its base unit.
 * @throws {RangeError} With what is wrong and what to write.
 */
export function parse(text) {
  const match = NUMBER.exec(text);
  if (!match) throw new RangeError("This is no number with a unit: write 18ms or 128KiB");
  const [, digits, suffix] = match;
  if (["kb", "mb"].includes(suffix.toLowerCase())) {
    const binary = `${suffix[0].toUpperCase()}iB`;
    throw new RangeError(`${suffix} means 1000 to some and 1024 to others: write ${binary} or B`);
  }
  const spelling = SPELLINGS.has(suffix) ? suffix : CASELESS[suffix.toLowerCase()] ?? suffix;
  if (!SPELLINGS.has(spelling)) {
    throw new RangeError(`Unknown unit '${suffix}'. Known: s ms us, J mJ uJ, B KiB MiB, %`);
  }
  const [factor, unit] = SPELLINGS.get(spelling);
  // In decimal, so that "18 ms" is the double nearest to 0.018.
  const value = decimalToNumber(multiply(parseDecimal(digits), parseDecimal(String(factor))));
  if (!Number.isFinite(value)) throw new RangeError("The number is too large");
  return [value, unit];
}
