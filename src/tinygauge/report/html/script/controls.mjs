/** The region of interest as fields and sliders, the ranking, and the legend. */

import { higherIsBetter, METRICS, shortTitle, TITLES, UNITS } from "./data.mjs";
import { at, draw, make, name, replace } from "./dom.mjs";
import { FILLS, markPath } from "./marks.mjs";
import { asPrinted } from "./scale.mjs";
import { isLimit } from "./state.mjs";
import { formatLimit, parse } from "./units.mjs";

const STEPS = 400;

/** One row a metric: what is bounded, the limit to type, the limit to slide. */
export class RegionControls {
  /**
   * @param {HTMLElement} element
   * @param {import("./data.mjs").Data} data
   * @param {(metric: string, limit: number|undefined) => void} setLimit
   */
  constructor(element, data, setLimit) {
    this.setLimit = setLimit;
    this.rows = Object.fromEntries(METRICS.map((metric) => [metric, this.row(metric, data)]));
    replace(element, ...METRICS.map((metric) => this.rows[metric].element));
  }

  row(metric, data) {
    const known = [...data.columnsOf[metric].value].filter((value) => value > 0);
    const [low, high] = known.length ? [Math.min(...known) / 1.15, Math.max(...known) * 1.15] : [0, 1];
    const range = metric === "accuracy" ? [low, Math.min(1, high)] : [low, high];
    const id = `limit-${metric}`;
    const field = make("input", {
      id, type: "text", autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-error`, placeholder: "no bound",
      onchange: () => this.read(metric), onkeydown: (event) => event.key === "Enter" && this.read(metric),
    });
    const slider = make("input", {
      type: "range", min: 0, max: STEPS, "aria-label": `${TITLES[metric]}, bound`,
      oninput: () => this.setLimit(metric, asPrinted(valueAt(slider.value, range, metric), metric)),
    });
    const error = make("p", { id: `${id}-error`, class: "error", role: "alert" });
    const sign = higherIsBetter(metric) ? "at least" : "at most";
    const clear = make("button", {
      type: "button", class: "clear", "aria-label": `No bound on ${metric}`, title: `No bound on ${metric}`,
      onclick: () => this.setLimit(metric, undefined),
    }, "×");
    const label = make("label", { for: id }, shortTitle(metric), make("span", { class: "sign" }, sign));
    return {
      range, field, slider, error, clear,
      element: make("div", { class: "bound" }, label, make("span", { class: "field" }, field, clear), slider, error),
    };
  }

  read(metric) {
    const { field, error } = this.rows[metric];
    replace(error);
    try {
      this.setLimit(metric, field.value.trim() ? readLimit(field.value, metric) : undefined);
      field.removeAttribute("aria-invalid");
    } catch (problem) {
      if (!(problem instanceof RangeError)) throw problem;
      replace(error, problem.message);
      field.setAttribute("aria-invalid", "true");
    }
  }

  /** Show the bounds that hold. */
  show(region) {
    for (const [metric, { field, slider, error, clear, range }] of Object.entries(this.rows)) {
      const limit = region[metric];
      const text = limit === undefined ? "" : formatLimit(limit, UNITS[metric]);
      field.value = text;
      field.removeAttribute("aria-invalid");
      replace(error);
      clear.hidden = limit === undefined;
      slider.value = limit === undefined ? (higherIsBetter(metric) ? 0 : STEPS) : stepAt(limit, range, metric);
      slider.setAttribute("aria-valuetext", text || "no bound");
    }
  }
}

/** Read a limit with its unit. @throws {RangeError} */
export function readLimit(text, metric) {
  const [limit, unit] = parse(text);
  const expected = UNITS[metric];
  const example = { ratio: "0.9 or 90 %", B: "128 KiB", s: "60 ms", J: "3 mJ" }[expected];
  if (unit !== expected) throw new RangeError(`Give it with its unit, such as ${example}`);
  if (metric === "accuracy" && limit > 1) throw new RangeError("Accuracy lies in 0..1: write 0.9 or 90 %");
  if (!isLimit(metric, limit)) throw new RangeError("The limit must be above 0");
  return limit;
}

/** Accuracy slides evenly, the others by factors. */
function valueAt(step, [low, high], metric) {
  const share = Number(step) / STEPS;
  return metric === "accuracy" ? low + share * (high - low) : low * (high / low) ** share;
}

function stepAt(value, [low, high], metric) {
  const share = metric === "accuracy" ? (value - low) / (high - low) : Math.log(value / low) / Math.log(high / low);
  return Math.round(STEPS * Math.min(Math.max(share, 0), 1));
}

/**
 * What shapes, colours and fills mean; an entry that is pressed shows its candidates alone.
 *
 * @param {object} options
 * @param {[string, string][]} options.groups Label and colour.
 * @param {string[]} options.families
 * @param {string[]} options.methods
 * @param {{group: string|null, family: string|null, front: string|null}} options.only
 * @param {(kind: string, value: string|null) => void} options.choose
 */
export function showLegend({ groups, families, methods, only, choose }) {
  const entry = (kind, label, sample) => make("button", {
    type: "button", "aria-pressed": String(only[kind] === label), title: `Show these alone: ${label}`,
    onclick: () => choose(kind, only[kind] === label ? null : label),
  }, sample, name(label));
  const sample = (...children) => draw("svg", { viewBox: "-7 -7 14 14", "aria-hidden": "true" }, ...children);
  const swatch = (colour) => sample(draw("rect", { x: -5, y: -5, width: 10, height: 10, rx: 2, fill: colour }));
  const shape = (family) => sample(draw("path", { d: markPath(family, 4.6), class: "shape" }));
  const stairs = () => sample(draw("path", { d: "M-6 3H0V-3H6", class: "front" }));
  replace(
    at("legend"),
    make("span", { class: "legend-group", role: "group", "aria-label": "Colours" }, ...groups.map(([label, colour]) => entry("group", label, swatch(colour)))),
    make("span", { class: "legend-group", role: "group", "aria-label": "Shapes" }, ...families.map((family) => entry("family", family, shape(family)))),
    make("span", { class: "legend-group" }, ...methods.map((method) => make("span", { class: "entry" }, fillSample(method), method))),
    make("span", { class: "legend-group" }, make("span", { class: "entry" }, stairs(), "front of the two metrics"), entry("front", "only the front of all metrics", stairs())),
  );
}

function fillSample(method) {
  const fill = FILLS[method];
  const inner = { half: [4.6, true], dot: [1.9, false], full: [4.6, false] }[fill];
  return draw(
    "svg", { viewBox: "-7 -7 14 14", "aria-hidden": "true" },
    draw("path", { d: markPath("mlp", 4.6), class: "shape open" }),
    inner ? draw("path", { d: markPath("mlp", ...inner), class: "shape" }) : null,
  );
}
