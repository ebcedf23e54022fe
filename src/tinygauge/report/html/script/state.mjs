/**
 * What the reader looks at, and how the address says it: only what differs from the report's own
 * view stands behind the #, so that a link stays short and an empty one is the report as written.
 *
 * @typedef {object} View
 * @property {import("./selection.mjs").Region} region
 * @property {string[]} ranking
 * @property {string[]} x The horizontal metric of each panel.
 * @property {string} y The vertical metric of all panels.
 * @property {Record<string, "log"|"linear">} scale By metric.
 * @property {"target"|"board"|"engine"} colour
 * @property {"candidates"|"matrix"|"findings"} tab
 * @property {number} open The candidate looked into, or -1.
 */

import { METRICS } from "./data.mjs";

export const COLOURS = ["target", "board", "engine"];
export const TABS = ["candidates", "matrix", "findings"];
const NONE = "none";

/**
 * @param {string} text Behind the #; what can't be read is left out.
 * @param {View & {count: number}} defaults The report's own view, and how many candidates it has.
 * @returns {View}
 */
export function parseFragment(text, defaults) {
  const found = new URLSearchParams(text);
  const region = { ...defaults.region };
  for (const metric of METRICS) {
    const limit = found.get(metric);
    if (limit === NONE) delete region[metric];
    else if (limit !== null && isLimit(metric, Number(limit))) region[metric] = Number(limit);
  }
  const x = metricsIn(found.get("x"));
  const ranking = metricsIn(found.get("rank"));
  const scale = { ...defaults.scale };
  for (const word of ["log", "linear"]) {
    for (const metric of metricsIn(found.get(word))) scale[metric] = word;
  }
  const open = found.has("open") ? Number(found.get("open")) : -1;
  return {
    region,
    ranking: ranking.length ? [...new Set(ranking)] : defaults.ranking,
    x: x.length === defaults.x.length ? x : defaults.x,
    y: METRICS.includes(found.get("y")) ? found.get("y") : defaults.y,
    scale,
    colour: COLOURS.includes(found.get("colour")) ? found.get("colour") : defaults.colour,
    tab: TABS.includes(found.get("tab")) ? found.get("tab") : defaults.tab,
    open: Number.isInteger(open) && open >= 0 && open < defaults.count ? open : -1,
  };
}

const metricsIn = (text) => (text ?? "").split(",").filter((each) => METRICS.includes(each));

/** @returns {boolean} Whether a number can bound a metric. */
export function isLimit(metric, limit) {
  return Number.isFinite(limit) && limit > 0 && (metric !== "accuracy" || limit <= 1);
}

/**
 * @param {View} view
 * @param {View} defaults
 * @returns {string} What `parseFragment` reads back, without the #.
 */
export function writeFragment(view, defaults) {
  const parts = [];
  const put = (key, value) => parts.push(`${key}=${value}`);
  for (const metric of METRICS) {
    if (view.region[metric] !== defaults.region[metric]) put(metric, view.region[metric] ?? NONE);
  }
  if (String(view.ranking) !== String(defaults.ranking)) put("rank", view.ranking.join(","));
  if (String(view.x) !== String(defaults.x)) put("x", view.x.join(","));
  if (view.y !== defaults.y) put("y", view.y);
  for (const word of ["log", "linear"]) {
    const changed = METRICS.filter((m) => view.scale[m] === word && defaults.scale[m] !== word);
    if (changed.length) put(word, changed.join(","));
  }
  if (view.colour !== defaults.colour) put("colour", view.colour);
  if (view.tab !== defaults.tab) put("tab", view.tab);
  if (view.open >= 0) put("open", view.open);
  return parts.join("&");
}
