/** Answers questions about the page's logic, one JSON document a line, for tests in Python. */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const at = (name) => import(pathToFileURL(`${process.argv[2]}/${name}`).href);
const { Data } = await at("data.mjs");
const logic = await at("selection.mjs");
const units = await at("units.mjs");
const decimal = await at("decimal.mjs");
const state = await at("state.mjs");
const marks = await at("marks.mjs");
const scale = await at("scale.mjs");

const finite = (value) => (Number.isFinite(value) ? value : String(value));

const answers = {
  select({ document, region, ranking }) {
    const data = new Data(document);
    const found = logic.select(data, region, ranking);
    const all = [...Array(data.count).keys()];
    return {
      positions: Array.from(found.positions, (each) => logic.POSITIONS[each]),
      worst: Array.from(found.worst, finite),
      ranked: found.ranked,
      nearestMiss: found.nearestMiss,
      relaxation: found.relaxation,
      reasons: all.map((i) => logic.reasonsOf(data, region, i)),
      whyNot: all.map((i) => logic.whyNot(data, region, i)),
      order: logic.orderOf(data, found),
      explain: logic.explain(data, found),
    };
  },
  format: ({ value, unit }) => units.formatValue(value, unit),
  interval: ({ low, high, unit, like }) => units.formatInterval(low, high, unit, like ?? undefined),
  limit: ({ value, unit }) => units.formatLimit(value, unit),
  percent: ({ value, decimals }) => units.percent(value, decimals),
  parse({ text }) {
    try {
      return units.parse(text);
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
  },
  round: ({ value, metric }) => logic.roundOutwards(value, metric),
  printed: ({ limit, metric }) => scale.asPrinted(limit, metric),
  front: ({ points, x, y }) => marks.frontOf(points, x, y).map(({ i }) => i),
  ticks: ({ low, high, log, most }) => marks.ticksIn(low, high, log, most),
  fragment({ text, defaults }) {
    const view = state.parseFragment(text, defaults);
    return { view, text: state.writeFragment(view, defaults) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { ask, ...question } = JSON.parse(line);
  console.log(JSON.stringify(answers[ask](question)));
}
