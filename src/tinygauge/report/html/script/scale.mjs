/** An axis: from base units to a straight or logarithmic line, and back. */

import { TITLES, UNITS } from "./data.mjs";
import { ticksIn } from "./marks.mjs";
import { fixed, formatLimit, parse, scaleFor } from "./units.mjs";

/** Beyond this ratio of largest to smallest a linear axis crowds the small ones. */
const LOG_RATIO = 12;

/** @returns {"log"|"linear"} What suits the values of a metric. */
export function suitingScale(values) {
  const known = values.filter((value) => value > 0);
  return Math.max(...known) / Math.min(...known) > LOG_RATIO ? "log" : "linear";
}

export class Scale {
  /**
   * @param {string} metric
   * @param {Float64Array} values In base units; NaN where missing.
   * @param {"log"|"linear"} kind
   * @param {number|undefined} limit Kept in view where it is near.
   */
  constructor(metric, values, kind, limit) {
    this.metric = metric;
    const known = values.filter((value) => !Number.isNaN(value)).sort();
    this.empty = known.length === 0;
    this.log = kind === "log" && known.length > 0 && known[0] > 0;
    const middle = known.length ? known[known.length >> 1] : 1;
    [this.factor, this.symbol] = scaleFor(middle, UNITS[metric]);
    let [low, high] = known.length ? [known[0], known.at(-1)] : [0, 1];
    if (limit !== undefined && limit > low / 4 && limit < high * 4) {
      [low, high] = [Math.min(low, limit), Math.max(high, limit)];
    }
    [this.low, this.high] = this.padded(this.toAxis(low), this.toAxis(high), metric);
  }

  padded(low, high, metric) {
    const room = (high - low || Math.abs(high) || 1) * 0.07;
    const bottom = this.log ? low - room : Math.max(0, low - room);
    const top = high + room;
    return [bottom, metric === "accuracy" && !this.log ? Math.min(top, 1 / this.factor) : top];
  }

  toAxis(value) {
    return this.log ? Math.log10(value / this.factor) : value / this.factor;
  }

  fromAxis(position) {
    return (this.log ? 10 ** position : position) * this.factor;
  }

  /** @returns {number[]} On the axis. */
  ticks(most) {
    const ends = this.log ? [10 ** this.low, 10 ** this.high] : [this.low, this.high];
    return ticksIn(...ends, this.log, most).map((tick) => (this.log ? Math.log10(tick) : tick));
  }

  label(position) {
    const value = this.log ? 10 ** position : position;
    return String(Number(value.toPrecision(6)));
  }

  get title() {
    return `${TITLES[this.metric]} (${this.symbol}${this.log ? ", log" : ""})`;
  }
}

/** @returns {number} The number that is printed for a limit, so that what is seen is what holds. */
export function asPrinted(limit, metric) {
  const size = UNITS[metric] === "ratio" ? Number(fixed(limit, 3)) : limit;
  return parse(formatLimit(size, UNITS[metric]))[0];
}
