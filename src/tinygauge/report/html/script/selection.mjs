/**
 * The decision, as `selection/verdicts.py` and `report/decision.py` make it and word it: the tests
 * hold both against each other on random evaluations. Change one and you must change the other.
 *
 * @typedef {Partial<Record<"accuracy"|"ram"|"flash"|"latency"|"energy", number>>} Region
 *   Limits in base units.
 * @typedef {{metric: string, limit: number, board: string}} Bound `board` is empty for the user's.
 * @typedef {object} Selection
 * @property {Region} region
 * @property {string[]} ranking
 * @property {Uint8Array} positions INSIDE, UNDECIDED or OUTSIDE, one a candidate.
 * @property {Float64Array} worst The largest violation; infinite if blocked or unknown.
 * @property {number[]} ranked Candidates inside, best first.
 * @property {number} nearestMiss A candidate, or -1.
 * @property {Relaxation|null} relaxation
 * @typedef {{metric: string, limit: number, relaxed: number, share: number, candidate: number}} Relaxation
 */

import { formatQuantity, higherIsBetter, METRICS, UNITS } from "./data.mjs";
import { divide, leadingExponent, multiply, parseDecimal, quantize, decimalToNumber } from "./decimal.mjs";
import { fixed, formatLimit, formatValue, percent, scaleFor } from "./units.mjs";

export const INSIDE = 0;
export const UNDECIDED = 1;
export const OUTSIDE = 2;
export const POSITIONS = ["inside", "undecided", "outside"];

const MEASUREMENTS = {
  ram: (board) => `link the firmware and read arena_used_bytes() on ${board}`,
  flash: (board) => `link the firmware for ${board} and read the map file`,
  latency: (board) => `time the model on ${board}`,
  energy: (board) => `meter the energy of the model on ${board}`,
};
const SIGNS = { true: ">=", false: "<=" };
// 1.96 squared, as doubles multiply: the factor of Wilson's interval in verdicts.py.
const WILSON = 3.8415999999999997;

const sign = (metric) => SIGNS[higherIsBetter(metric)];

/** By what share of the limit a value violates it; negative where it has room. */
export function overshoot(metric, limit, value) {
  return (higherIsBetter(metric) ? limit - value : value - limit) / limit;
}

/** Compare an interval with a limit: its whole must satisfy it, or its whole must not. */
function positionOf(metric, limit, low, high) {
  if (Number.isNaN(low) || Number.isNaN(high)) return UNDECIDED;
  const [worse, better] = higherIsBetter(metric) ? [low, high] : [high, low];
  if (overshoot(metric, limit, worse) <= 0) return INSIDE;
  return overshoot(metric, limit, better) > 0 ? OUTSIDE : UNDECIDED;
}

/** @returns {Bound[]} The user's bounds and those of the board's memories. */
export function boundsFor(data, region, i) {
  const target = data.target(i);
  const bounds = METRICS.filter((metric) => region[metric] !== undefined).map(
    (metric) => ({ metric, limit: region[metric], board: "" }),
  );
  if (target.sram_bytes) bounds.push({ metric: "ram", limit: target.sram_bytes, board: target.board });
  if (target.flash_bytes) bounds.push({ metric: "flash", limit: target.flash_bytes, board: target.board });
  return bounds;
}

/** @returns {{bound: Bound, position: number, overshoot: number}[]} One a bound. */
export function checksOf(data, region, i) {
  return boundsFor(data, region, i).map((bound) => {
    const { value, low, high } = data.columnsOf[bound.metric];
    const missing = Number.isNaN(value[i]);
    return {
      bound,
      position: missing ? UNDECIDED : positionOf(bound.metric, bound.limit, low[i], high[i]),
      overshoot: missing ? NaN : overshoot(bound.metric, bound.limit, value[i]),
    };
  });
}

/**
 * Judge every candidate and choose among those inside.
 *
 * @param {import("./data.mjs").Data} data
 * @param {Region} region
 * @param {string[]} ranking Metrics, most important first.
 * @returns {Selection}
 */
export function select(data, region, ranking) {
  const positions = new Uint8Array(data.count);
  const worst = new Float64Array(data.count);
  const nearly = [];
  for (let i = 0; i < data.count; i += 1) {
    const blocked = data.blockers.has(i);
    const checks = checksOf(data, region, i);
    let position = blocked ? OUTSIDE : INSIDE;
    let distance = checks.length ? -Infinity : 0;
    for (const check of checks) {
      position = Math.max(position, check.position);
      distance = Math.max(distance, Number.isNaN(check.overshoot) ? Infinity : check.overshoot);
    }
    positions[i] = position;
    worst[i] = blocked ? Infinity : distance;
    const open = checks.filter((check) => check.position !== INSIDE);
    if (!blocked && open.length === 1 && !open[0].bound.board) nearly.push([i, open[0].bound]);
  }
  const ranked = rank(data, positions, ranking);
  return {
    region, ranking, positions, worst, ranked,
    nearestMiss: ranked.length ? -1 : leastOf(data.count, worst),
    relaxation: ranked.length ? null : smallestRelaxation(data, nearly),
  };
}

function rank(data, positions, ranking) {
  const costs = ranking.map((metric) => {
    const { value } = data.columnsOf[metric];
    const factor = higherIsBetter(metric) ? -1 : 1;
    return value.map((each) => (Number.isNaN(each) ? Infinity : factor * each));
  });
  const { tie } = data.columns;
  const inside = [];
  positions.forEach((position, i) => position === INSIDE && inside.push(i));
  return inside.sort((a, b) => {
    for (const cost of costs) if (cost[a] !== cost[b]) return cost[a] - cost[b];
    return tie[a] - tie[b];
  });
}

/** The first candidate with the least finite value, or -1. */
function leastOf(count, values) {
  let best = -1;
  for (let i = 0; i < count; i += 1) {
    if (Number.isFinite(values[i]) && (best < 0 || values[i] < values[best])) best = i;
  }
  return best;
}

/** @returns {Relaxation|null} The smallest change of one bound that lets a candidate in. */
function smallestRelaxation(data, nearly) {
  const wanted = [];
  for (const [candidate, { metric, limit }] of nearly) {
    const { value, low, high } = data.columnsOf[metric];
    const exact = higherIsBetter(metric) ? low[candidate] : high[candidate];
    if (Number.isNaN(value[candidate]) || !Number.isFinite(exact) || exact <= 0) continue;
    wanted.push({ candidate, metric, limit, exact, least: Math.abs(exact - limit) / limit });
  }
  // Rounding only widens a change, so that nothing beyond the best so far need be rounded.
  wanted.sort((a, b) => a.least - b.least);
  let best = null;
  for (const { candidate, metric, limit, exact, least } of wanted) {
    if (best && least > best.share) break;
    const relaxed = roundOutwards(exact, metric);
    if (relaxed <= 0) continue; // only dropping the bound would do
    const share = Math.abs(relaxed - limit) / limit;
    const first = !best || share < best.share || (share === best.share && candidate < best.candidate);
    if (first) best = { metric, limit, relaxed, share, candidate };
  }
  return best;
}

/** Round a limit to what is printed of it, away from what it must let in. */
export function roundOutwards(limit, metric) {
  const unit = UNITS[metric];
  const [factor] = scaleFor(limit, unit);
  const scaled = divide(parseDecimal(String(limit)), factor);
  const tenths = unit === "B" || unit === "ratio";
  const exponent = tenths ? -1 : leadingExponent(scaled) - 2;
  const rounded = quantize(scaled, exponent, !higherIsBetter(metric));
  return decimalToNumber(multiply(rounded, parseDecimal(String(factor))));
}

/** @returns {string} Such as "latency <= 100 ms". */
export function formatBound(metric, limit) {
  return `${metric} ${sign(metric)} ${formatLimit(limit, UNITS[metric])}`;
}

/** @returns {string[]} What stands in the way of a candidate; empty inside. */
export function reasonsOf(data, region, i) {
  if (data.blockers.has(i)) return data.blockers.get(i);
  const checks = checksOf(data, region, i);
  return [OUTSIDE, UNDECIDED].flatMap((position) => checks
    .filter((check) => check.position === position)
    .map((check) => reason(data, check, i)));
}

function reason(data, check, i) {
  const { metric, limit, board } = check.bound;
  const quantity = data.quantity(i, metric);
  if ("missing" in quantity) {
    return `${metric} unknown: ${quantity.missing}${quantity.advice ? `; ${quantity.advice}` : ""}`;
  }
  const wanted = `${sign(metric)} ${formatLimit(limit, UNITS[metric])}${board ? ` of ${board}` : ""}`;
  if (check.position === OUTSIDE) {
    const distance = check.overshoot >= 0.005 ? ` by ${percent(check.overshoot)}` : "";
    return `${metric} ${formatValue(quantity.value, quantity.unit)} (${quantity.method}) fails ${wanted}${distance}`;
  }
  const todo = settlingMeasurement(data, metric, limit, quantity, i);
  return `${metric} ${formatQuantity(quantity)} straddles ${wanted}; to settle it, ${todo}`;
}

function settlingMeasurement(data, metric, limit, quantity, i) {
  const { board, core } = data.target(i);
  if (metric !== "accuracy") return MEASUREMENTS[metric](board || core);
  const gap = Math.abs(quantity.value - limit);
  if (quantity.basis !== "sampling" || gap === 0 || limit >= 1) return "score it on more inputs";
  const needed = Math.ceil((WILSON * limit * (1 - limit)) / (gap * gap));
  return `score it on about ${fixed(needed, 0, true)} inputs`;
}

/** @returns {string} In a few characters, what stands in the way. */
export function whyNot(data, region, i) {
  if (data.blockers.has(i)) return data.blockers.get(i).join("; ");
  return checksOf(data, region, i)
    .filter((check) => check.position !== INSIDE)
    .map(({ bound, position, overshoot: beyond }) => {
      const name = bound.board ? `board's ${bound.metric}` : bound.metric;
      if (position === UNDECIDED) return `${name} ?`;
      return `${name} ${higherIsBetter(bound.metric) ? "-" : "+"}${percent(beyond)}`;
    })
    .join(", ");
}

/** @returns {number[]} Inside by rank, then undecided, then outside, each by how far they are off. */
export function orderOf(data, selection) {
  const place = new Map(selection.ranked.map((i, at) => [i, at]));
  return Array.from({ length: data.count }, (_, i) => i).sort((a, b) => {
    const apart = selection.positions[a] - selection.positions[b];
    if (apart) return apart;
    const rankApart = (place.get(a) ?? 0) - (place.get(b) ?? 0);
    if (rankApart) return rankApart;
    return selection.worst[a] === selection.worst[b] ? a - b : selection.worst[a] - selection.worst[b];
  });
}

/** Say in sentences what to ship and why, or what stands in the way; other boards left out. */
export function explain(data, selection) {
  return selection.ranked.length ? shipping(data, selection) : emptyRegion(data, selection);
}

/** @returns {number[]} How many are inside, undecided, outside. */
export function countPositions(selection) {
  const counts = [0, 0, 0];
  for (const position of selection.positions) counts[position] += 1;
  return counts;
}

function shipping(data, selection) {
  const [inside, undecided, outside] = countPositions(selection);
  const order = selection.ranking.join(", then ");
  return [
    `Ship ${data.describe(selection.ranked[0])}.`,
    `${inside} inside (ranked by ${order}), ${undecided} undecided, ${outside} outside.`,
    ...closeRivals(data, selection),
  ];
}

/** Name the candidates on other targets that the first metric can't tell from the chosen. */
function closeRivals(data, selection) {
  const [best, ...others] = selection.ranked;
  const [metric] = selection.ranking;
  const { value, low, high } = data.columnsOf[metric];
  if (Number.isNaN(value[best]) || Number.isNaN(low[best]) || Number.isNaN(high[best])) return [];
  const rivals = others.filter((i) => data.columns.target[i] !== data.columns.target[best]
    && low[i] <= high[best] && low[best] <= high[i]);
  if (!rivals.length) return [];
  const more = rivals.length > 1 ? ` and ${rivals.length - 1} more` : "";
  return [`Its ${metric} can't be told from that of ${data.describe(rivals[0])}${more}: measure both to decide.`];
}

function emptyRegion(data, selection) {
  if (!data.count) return ["No model could be evaluated."];
  const lines = ["Nothing is surely inside the region of interest."];
  const undecided = [];
  selection.positions.forEach((position, i) => position === UNDECIDED && undecided.push(i));
  if (undecided.length) {
    const best = undecided.reduce((a, b) => (selection.worst[b] < selection.worst[a] ? b : a));
    lines.push(`${undecided.length} undecided; the nearest: ${data.describe(best)}:`);
    lines.push(...reasonsOf(data, selection.region, best).map((text) => `  ${text}`));
  } else if (selection.nearestMiss >= 0) {
    lines.push(`The nearest miss: ${data.describe(selection.nearestMiss)}:`);
    lines.push(...reasonsOf(data, selection.region, selection.nearestMiss).map((text) => `  ${text}`));
  }
  const { relaxation } = selection;
  if (relaxation) {
    const { metric, limit, relaxed, share, candidate } = relaxation;
    const to = `${sign(metric)} ${formatValue(relaxed, UNITS[metric])}`;
    lines.push(`Relax ${formatBound(metric, limit)} to ${to} (${percent(share, 1)}) to admit ${data.describe(candidate)}.`);
  } else if (!undecided.length && Object.keys(selection.region).length) {
    lines.push("No single bound can be relaxed to admit a model.");
  }
  return lines;
}
