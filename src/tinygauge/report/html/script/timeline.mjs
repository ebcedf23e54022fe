/**
 * The arena over the ops: every planned tensor and scratch buffer as a box from the op that writes
 * it to the last that reads it, at its place in the arena; the stepped line is what lives.
 */

import { scaleFor } from "./units.mjs";

// Neighbours among plain tensors get one of two shades, as in the static figure.
const ROLES = { input: "#8CC7E8", output: "#7FCFB5", tensor: "#C9CDD3", scratch: "#F3C66B" };
const SECOND_SHADE = "#DDE0E4";
const PEAK = "#D55E00";
const LOWER = "#0072B2";
const NAMED_OPS = 30;

/**
 * @param {HTMLElement} element
 * @param {ReturnType<import("./data.mjs").Data["plan"]>} plan
 * @param {Record<string, string>} theme
 * @returns {object} The chart, to be disposed of.
 */
export function drawTimeline(element, plan, theme) {
  const chart = echarts.init(element, null, { renderer: "canvas" });
  const ops = Math.max(1, plan.kinds.length);
  const top = Math.max(1, plan.lowerBound, ...plan.placements.map(({ offset, size }) => offset + size));
  const [factor, symbol] = scaleFor(top, "B");
  const text = { color: theme.muted, fontSize: 11 };
  chart.setOption({
    animation: false,
    grid: { left: 60, right: 16, top: 28, bottom: ops <= NAMED_OPS ? 110 : 40 },
    xAxis: {
      type: "value", min: -0.5, max: ops - 0.5,
      axisLine: { lineStyle: { color: theme.hairline } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        ...text, customValues: [...Array(ops).keys()], hideOverlap: true, rotate: ops <= NAMED_OPS ? 60 : 0,
        formatter: (op) => (ops <= NAMED_OPS ? `${op} ${plan.kinds[op] ?? ""}` : String(op)).slice(0, 24),
      },
    },
    yAxis: {
      type: "value", min: 0, max: (1.06 * top) / factor, name: `place in the arena (${symbol})`,
      nameTextStyle: { color: theme.ink, fontSize: 11.5, align: "left", padding: [0, 0, 0, -52] },
      axisLine: { show: false },
      axisLabel: { ...text, showMaxLabel: false }, splitLine: { lineStyle: { color: theme.hairline } },
    },
    series: [{
      type: "custom",
      silent: true,
      clip: true,
      data: [[0, 0]],
      renderItem: (_, api) => ({ type: "group", children: contents(api, plan, factor, ops, theme) }),
    }],
  });
  return chart;
}

function contents(api, plan, factor, ops, theme) {
  const at = (op, bytes) => api.coord([op, bytes / factor]);
  const box = (first, last, low, high) => {
    const [x, y] = at(first - 0.45, high);
    const [right, bottom] = at(last + 0.45, low);
    return { x, y, width: right - x, height: bottom - y };
  };
  const rects = plan.placements.map(({ role, offset, size, first, last }, place) => ({
    type: "rect",
    shape: box(first, last, offset, offset + size),
    style: { fill: fillOf(role, place), stroke: "#5F6670", lineWidth: 0.6 },
  }));
  const steps = plan.live.flatMap((bytes, op) => [at(op - 0.5, bytes), at(op + 0.5, bytes)]);
  const [[left, low], [right]] = [at(-0.5, plan.lowerBound), at(ops - 0.5, plan.lowerBound)];
  return [
    ...rects,
    { type: "polyline", shape: { points: steps }, style: { stroke: PEAK, fill: "none", lineWidth: 2 } },
    {
      type: "line", shape: { x1: left, y1: low, x2: right, y2: low },
      style: { stroke: LOWER, lineWidth: 1.2, lineDash: [5, 4] },
    },
  ];
}

function fillOf(role, place) {
  return role in ROLES && role !== "tensor" ? ROLES[role] : place % 2 ? SECOND_SHADE : ROLES.tensor;
}

/** What the colours mean, for a legend of text. */
export const TIMELINE_KEY = [
  ["input", "model input"], ["output", "model output"], ["tensor", "tensor"], ["scratch", "scratch buffer"],
  ["live", "bytes that live (line)"], ["bound", "no plan can need less (dashed)"],
];
