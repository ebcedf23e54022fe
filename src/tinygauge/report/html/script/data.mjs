/**
 * The evaluation as the page holds it: columns with one entry a candidate, texts by their place.
 * `report/html/document.py` writes them; nothing here decides anything.
 */

import { formatInterval, formatValue } from "./units.mjs";

export const METRICS = ["accuracy", "ram", "flash", "latency", "energy"];
export const UNITS = { accuracy: "ratio", ram: "B", flash: "B", latency: "s", energy: "J" };
export const TITLES = {
  accuracy: "Accuracy",
  ram: "RAM",
  flash: "Flash",
  latency: "Latency",
  energy: "Energy per inference",
};

/** @returns {string} The title where there is little room. */
export const shortTitle = (metric) => TITLES[metric].split(" ")[0];

/** @param {string} metric @returns {boolean} Whether more is better. */
export const higherIsBetter = (metric) => metric === "accuracy";

const WORDS = new Map([[null, NaN], ["inf", Infinity], ["-inf", -Infinity]]);
const number = (cell) => (typeof cell === "number" ? cell : WORDS.get(cell));

/**
 * @typedef {object} Quantity
 * @property {number} value In the base unit.
 * @property {string} unit
 * @property {number} low NaN where unknown.
 * @property {number} high
 * @property {string} method
 * @property {string} source
 * @property {string} tool
 * @property {string} basis
 * @property {number} level
 * @property {number|null} n
 * @property {{kind: string, ref: string, sha256: string}[]} evidence
 *
 * @typedef {{missing: string, advice: string}} Missing
 */

/** The document with typed columns and its texts in place. */
export class Data {
  /** @param {object} document As `page_document` describes it. */
  constructor(document) {
    this.document = document;
    this.columns = document.candidates;
    this.count = this.columns.model.length;
    this.models = document.models;
    this.targets = document.targets;
    this.columnsOf = {};
    document.metrics.forEach((metric, place) => {
      const { value, low, high, from } = this.columns.metrics[place];
      this.columnsOf[metric] = {
        value: Float64Array.from(value, number),
        low: Float64Array.from(low, number),
        high: Float64Array.from(high, number),
        from,
      };
    });
    this.blockers = new Map(
      Object.entries(this.columns.blockers).map(([i, places]) => [Number(i), places.map((p) => this.text(p))]),
    );
  }

  text(place) {
    return this.document.texts[place];
  }

  model(i) {
    return this.models[this.columns.model[i]];
  }

  target(i) {
    return this.targets[this.columns.target[i]];
  }

  /** @returns {string} Such as "cnn_8_i8 on ek-ra6m4 with tflm-cmsis-nn". */
  describe(i) {
    const { board, engine } = this.target(i);
    return `${this.model(i).name} on ${board} with ${engine}`;
  }

  /** @returns {number[]} The candidates of one model. */
  ofModel(model) {
    const found = [];
    this.columns.model.forEach((each, i) => each === model && found.push(i));
    return found;
  }

  /** @returns {Quantity|Missing} */
  quantity(i, metric) {
    const { value, low, high, from } = this.columnsOf[metric];
    return this.cells(value[i], low[i], high[i], from[i], UNITS[metric]);
  }

  /** Read value, ends and origin as they stand in a row of the document. */
  cells(value, low, high, from, unit) {
    if (value === null || Number.isNaN(value)) {
      const [reason, advice] = this.document.missing[from];
      return { missing: this.text(reason), advice: this.text(advice) };
    }
    const [method, source, tool, basis, level, n, evidence] = this.document.origins[from];
    return {
      value, unit, low: number(low), high: number(high), method, basis, level, n,
      source: this.text(source),
      tool: this.text(tool),
      evidence: evidence.map((place) => {
        const [kind, ref, sha256] = this.document.evidence[place];
        return { kind: this.text(kind), ref: this.text(ref), sha256 };
      }),
    };
  }

  method(i, metric) {
    const { value, from } = this.columnsOf[metric];
    return Number.isNaN(value[i]) ? "" : this.document.origins[from[i]][0];
  }

  /** @returns {string[]} The methods by which a metric was obtained anywhere. */
  methodsOf(metric) {
    const { value, from } = this.columnsOf[metric];
    const places = new Set(from.filter((_, i) => !Number.isNaN(value[i])));
    return [...new Set([...places].map((place) => this.document.origins[place][0]))];
  }

  findings(i) {
    return this.columns.findings[i].map((place) => {
      const [code, severity, where, message, advice] = this.document.findings[place];
      return { code, severity, where: this.text(where), message: this.text(message), advice: this.text(advice) };
    });
  }

  /** What the measured metrics of a candidate were expected to be, and by what share that missed. */
  expected(i) {
    return (this.columns.expected[i] ?? []).map(([place, share, ...cells]) => {
      const metric = METRICS[place];
      return { metric, share, quantity: this.cells(...cells, UNITS[metric]) };
    });
  }

  score(i) {
    return this.document.scores[this.columns.score[i]] ?? null;
  }

  published(i) {
    return this.columns.published[i].map((place) => this.document.published[place]);
  }

  /** Power and what was metered, or null. */
  power(i) {
    const found = this.document.powers[this.columns.power[i]];
    if (!found) return null;
    const [value, low, high, from, scope, rail] = found;
    return { quantity: this.cells(value, low, high, from, "W"), scope, rail };
  }

  /** The plan of a candidate's memory: parts, smallest arena, timeline; or null. */
  plan(i) {
    const found = this.document.plans[this.columns.plan[i]];
    if (!found) return null;
    const [parts, timeline, value, low, high, from, setBy] = found;
    const [peakOp, lowerBound, kinds, live, placements] = this.document.timelines[timeline];
    return {
      arena: this.cells(value, low, high, from, "B"),
      setBy: this.text(setBy),
      parts: parts.map((place) => {
        const [name, kind, ...cells] = this.document.parts[place];
        return { name: this.text(name), kind, size: this.cells(...cells, "B") };
      }),
      peakOp,
      lowerBound,
      kinds: kinds.map((place) => this.text(place)),
      live,
      placements: placements.map(([name, role, size, offset, first, last]) => (
        { name: this.text(name), role, size, offset, first, last }
      )),
    };
  }

  /** The ops of a candidate: counts from the model, time and energy from its target. */
  ops(i) {
    const model = this.model(i);
    const times = this.columns.by_op_us[i];
    const whole = times.reduce((sum, each) => sum + each, 0);
    const energy = this.columnsOf.energy.value[i];
    return model.op_kinds.map((kind, op) => {
      const share = whole > 0 && op < times.length ? times[op] / whole : NaN;
      return {
        op,
        kind: this.text(kind),
        time: op < times.length ? times[op] / 1e6 : NaN,
        share,
        energy: share * energy,
        macs: model.op_macs[op],
        live: model.op_live_macs[op],
        weights: model.op_weight_bytes[op],
        activations: model.op_activation_bytes[op],
      };
    });
  }
}

/**
 * @param {Quantity|Missing} quantity
 * @returns {string} Value, and interval where that is not exact.
 */
export function formatQuantity(quantity) {
  if ("missing" in quantity) return `unknown (${quantity.missing})`;
  const { value, low, high, unit, basis } = quantity;
  const text = formatValue(value, unit);
  return basis === "exact" ? text : `${text} (${formatInterval(low, high, unit, value)})`;
}
