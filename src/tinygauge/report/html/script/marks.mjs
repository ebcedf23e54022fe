/**
 * Marks of the scatter panels, drawn many at a time: one path for all points of one look keeps
 * 5,000 candidates on four panels quick.
 *
 * Shape says the family, colour the board or engine, fill how the number was obtained:
 * filled measured or counted, half simulated, open predicted, open with a dot quoted.
 */

import { higherIsBetter } from "./data.mjs";

const FULL_TURN = 2 * Math.PI;

/** By family, as in the static figure: corners around (0, 0), or null for a circle. */
const CORNERS = {
  mlp: null,
  autoencoder: [[-0.88, -0.88], [0.88, -0.88], [0.88, 0.88], [-0.88, 0.88]],
  cnn: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  "ds-cnn": [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
  resnet: [[0, 1.15], [1.1, -0.85], [-1.1, -0.85]],
  mobilenetv2: cross(0),
  rnn: cross(Math.PI / 4),
  other: star(),
};

function cross(angle) {
  const arm = 0.4;
  const corners = [
    [arm, -arm], [1.15, -arm], [1.15, arm], [arm, arm], [arm, 1.15], [-arm, 1.15],
    [-arm, arm], [-1.15, arm], [-1.15, -arm], [-arm, -arm], [-arm, -1.15], [arm, -1.15],
  ];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return corners.map(([x, y]) => [x * cos - y * sin, x * sin + y * cos]);
}

function star() {
  return Array.from({ length: 10 }, (_, i) => {
    const radius = i % 2 ? 0.55 : 1.3;
    const angle = (i * Math.PI) / 5 - Math.PI / 2;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

/** @param {string} family @returns {number[][]|null} */
export const cornersOf = (family) => (family in CORNERS ? CORNERS[family] : CORNERS.other);

/** How a method fills its mark. */
export const FILLS = {
  measured: "full", counted: "full", simulated: "half", predicted: "open", quoted: "dot",
};

/** Trace one mark; "left" traces its left half alone. */
export function traceMark(context, family, x, y, radius, half = false) {
  const corners = cornersOf(family);
  if (!corners) {
    context.moveTo(x + (half ? 0 : radius), y - (half ? radius : 0));
    context.arc(x, y, radius, half ? -Math.PI / 2 : 0, half ? Math.PI / 2 : FULL_TURN, half);
    context.closePath();
    return;
  }
  (half ? leftOf(corners) : corners).forEach(([dx, dy], i) => {
    context[i ? "lineTo" : "moveTo"](x + dx * radius, y + dy * radius);
  });
  context.closePath();
}

/** Cut a polygon at x = 0 and keep its left (Sutherland and Hodgman, CACM 17(1), 1974). */
function leftOf(corners) {
  const kept = [];
  corners.forEach((to, i) => {
    const from = corners.at(i - 1);
    if (from[0] < 0 !== to[0] < 0) {
      const t = from[0] / (from[0] - to[0]);
      kept.push([0, from[1] + t * (to[1] - from[1])]);
    }
    if (to[0] < 0) kept.push(to);
  });
  return kept;
}

/** @returns {string} The same mark as the path of an SVG, for legends. */
export function markPath(family, radius, half = false) {
  const parts = [];
  const n = (value) => Number(value.toFixed(2));
  traceMark({
    moveTo: (x, y) => parts.push(`M${n(x)} ${n(y)}`),
    lineTo: (x, y) => parts.push(`L${n(x)} ${n(y)}`),
    arc: (x, y, r, _from, to) => parts.push(to === FULL_TURN
      ? `A${r} ${r} 0 1 1 ${-r} 0A${r} ${r} 0 1 1 ${r} 0`
      : `A${r} ${r} 0 0 0 0 ${r}`),
    closePath: () => parts.push("Z"),
  }, family, 0, 0, radius, half);
  return parts.join("");
}

/**
 * The candidates that no other one beats on two metrics, from the best vertical value down.
 *
 * @param {{i: number, x: number, y: number}[]} points
 * @param {string} xMetric
 * @param {string} yMetric
 * @returns {{i: number, x: number, y: number}[]}
 */
export function frontOf(points, xMetric, yMetric) {
  const [sx, sy] = [xMetric, yMetric].map((metric) => (higherIsBetter(metric) ? -1 : 1));
  const sorted = [...points].sort((a, b) => sx * (a.x - b.x) || sy * (a.y - b.y));
  const front = [];
  for (const point of sorted) {
    if (!front.length || sy * point.y < sy * front.at(-1).y) front.push(point);
  }
  return front;
}

/**
 * Nice ticks within a range, in the unit of the axis: 1, 2, 5 and their tenfold.
 *
 * @param {number} low
 * @param {number} high
 * @param {boolean} log
 * @param {number} most About how many there is room for.
 * @returns {number[]}
 */
export function ticksIn(low, high, log, most) {
  if (log) {
    const all = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e += 1) {
      for (const digit of [1, 2, 5]) all.push(Number(`${digit}e${e}`));
    }
    const inside = all.filter((tick) => tick >= low && tick <= high);
    const tens = inside.filter((tick) => String(tick.toExponential()).startsWith("1e"));
    if (inside.length > most && tens.length >= 2) return tens;
    return inside.length >= 2 ? inside : ticksIn(low, high, false, most);
  }
  const span = (high - low) / Math.max(most, 2);
  const power = 10 ** Math.floor(Math.log10(span));
  const steps = [1, 2, 5, 10].map((digit) => digit * power).filter((each) => each >= span);
  // A step that is almost the whole axis may have no multiple on it: then a smaller one.
  for (const step of [steps[0], steps[0] / 2, steps[0] / 5]) {
    const first = Math.ceil(low / step - 1e-9);
    const count = Math.floor(high / step + 1e-9) - first + 1;
    if (count >= 2) return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }
  return [];
}
