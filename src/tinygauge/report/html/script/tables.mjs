/** What stands in tables: the decision, the candidates, and models against targets. */

import { formatQuantity, METRICS, shortTitle, TITLES } from "./data.mjs";
import { at, make, name, replace } from "./dom.mjs";
import { checksOf, countPositions, explain, formatBound, INSIDE, orderOf, POSITIONS, reasonsOf, whyNot } from "./selection.mjs";
import { fixed, formatInterval, formatValue } from "./units.mjs";

const PAGE = 25;
const MATRIX_ROWS = 40;
const GLYPHS = ["✓", "?", "✗"];

/** Where a candidate lies, never by colour alone. */
export const badge = (position) => make(
  "span", { class: `badge ${POSITIONS[position]}` }, make("span", { "aria-hidden": "true" }, `${GLYPHS[position]} `), POSITIONS[position],
);

/** Say what to ship and why, or what stands in the way. */
export function showDecision(data, selection, { isOwn, open, setLimit }) {
  const [first, ...lines] = explain(data, selection);
  const chosen = selection.ranked[0];
  const heading = chosen === undefined ? [first] : shipping(data, chosen);
  replace(at("decision-heading"), ...heading);
  replace(at("decision-figures"), ...(chosen === undefined ? [] : METRICS.map((metric) => figure(data, selection, chosen, metric))));
  const closing = isOwn && chosen === undefined && data.document.alternatives ? [data.document.alternatives] : [];
  const kept = chosen === undefined ? lines : lines.slice(1);
  replace(at("decision-lines"), ...sentences([...kept, ...closing]));
  showCounts(selection);
  at("decision").dataset.chosen = chosen ?? "";
  const button = at("decision-open");
  button.hidden = chosen === undefined && selection.nearestMiss < 0;
  button.onclick = () => open(chosen ?? selection.nearestMiss);
  button.textContent = chosen === undefined ? "Look into the nearest miss" : "Look into it";
  offerRelaxation(selection.relaxation, setLimit);
}

function offerRelaxation(relaxation, setLimit) {
  const button = at("decision-relax");
  button.hidden = relaxation === null;
  if (!relaxation) return;
  const { metric, relaxed } = relaxation;
  button.textContent = `Relax to ${formatBound(metric, relaxed)}`;
  button.onclick = () => setLimit(metric, relaxed);
}

function shipping(data, i) {
  const { board, engine } = data.target(i);
  return ["Ship ", name(data.model(i).name, "strong"), " on ", name(board, "strong"), " with ", name(engine, "strong"), "."];
}

/** Indented lines belong to the sentence before them. */
function sentences(lines) {
  const found = [];
  for (const line of lines) {
    if (line.startsWith("  ") && found.length) {
      if (found.at(-1).tagName !== "UL") found.push(make("ul"));
      found.at(-1).append(make("li", {}, line.trim()));
    } else found.push(make("p", {}, line));
  }
  return found;
}

function figure(data, selection, i, metric) {
  const quantity = data.quantity(i, metric);
  const title = shortTitle(metric);
  if ("missing" in quantity) return make("div", {}, make("dt", {}, title), make("dd", {}, "—", make("small", {}, quantity.missing)));
  const { value, low, high, unit, method, basis } = quantity;
  const spread = basis === "exact" ? "exact" : formatInterval(low, high, unit, value);
  return make("div", {}, make("dt", {}, title), make(
    "dd", {}, make("b", {}, formatValue(value, unit)), make("small", {}, spread), make("small", { class: `method ${method}` }, method),
  ));
}

function showCounts(selection) {
  const counts = countPositions(selection);
  replace(at("counts"), ...counts.map((count, position) => make(
    "span", { class: `count ${POSITIONS[position]}` }, make("b", {}, fixed(count, 0, true)), ` ${POSITIONS[position]}`,
  )));
}

/** A number in a cell: `~` where it is predicted, and how far it may be off. */
export function cellText(quantity) {
  if ("missing" in quantity) return "—";
  const { value, low, high, unit, method, basis } = quantity;
  const text = `${method === "predicted" ? "~" : ""}${formatValue(value, unit)}`;
  if (basis === "exact") return text;
  if (Number.isNaN(low) || Number.isNaN(high) || value === 0) return `${text} ±?`;
  const half = Math.max(value - low, high - value);
  return unit === "ratio" ? `${text} ±${fixed(100 * half, 1)}` : `${text} ±${fixed((half / value) * 100, 0)}%`;
}

/** The table behind the panels: every candidate, the best first. */
export class CandidateTable {
  constructor(data, open, point) {
    Object.assign(this, { data, open, point, shown: PAGE, filter: "", sorted: null });
    at("filter").addEventListener("input", (event) => this.narrow(event.target.value));
    at("more").addEventListener("click", () => this.more());
    this.heads();
  }

  heads() {
    const head = (key, title, numeric) => make(
      "th", { scope: "col", class: numeric ? "number" : null, "data-key": key },
      make("button", { type: "button", class: "sort", onclick: () => this.sortBy(key) }, title),
    );
    replace(at("candidate-heads"), make(
      "tr", {}, head("rank", "Rank"), head("model", "Model"), head("board", "Board, engine"),
      ...METRICS.map((metric) => head(metric, shortTitle(metric), true)), make("th", { scope: "col" }, "Why not"),
    ));
  }

  narrow(text) {
    this.filter = text.toLowerCase();
    this.shown = PAGE;
    this.show(this.selection);
  }

  more() {
    this.shown += 4 * PAGE;
    this.show(this.selection);
  }

  sortBy(key) {
    const numeric = METRICS.includes(key);
    const down = this.sorted?.key === key ? !this.sorted.down : key === "accuracy";
    this.sorted = { key, down, numeric };
    for (const head of at("candidate-heads").querySelectorAll("th")) {
      if (head.dataset.key === key) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.show(this.selection);
  }

  order() {
    const order = orderOf(this.data, this.selection);
    const { data } = this;
    if (!this.sorted || this.sorted.key === "rank") return this.sorted?.down ? order.reverse() : order;
    const { key, down, numeric } = this.sorted;
    const label = (i) => (key === "model" ? data.model(i).name : data.target(i).board);
    const sign = down ? -1 : 1;
    return order.sort((a, b) => {
      if (!numeric) return sign * (label(a) < label(b) ? -1 : Number(label(a) > label(b)));
      const [x, y] = [data.columnsOf[key].value[a], data.columnsOf[key].value[b]];
      return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || sign * (x - y) || 0;
    });
  }

  matches(i) {
    if (!this.filter) return true;
    const { board, engine } = this.data.target(i);
    const { name: model, family } = this.data.model(i);
    return [model, family, board, engine].some((text) => text.toLowerCase().includes(this.filter));
  }

  show(selection) {
    this.selection = selection;
    const found = this.order().filter((i) => this.matches(i));
    const ranks = new Map(selection.ranked.map((i, place) => [i, place + 1]));
    replace(at("candidate-rows"), ...found.slice(0, this.shown).map((i) => this.row(i, ranks.get(i))));
    const hidden = Math.max(0, found.length - this.shown);
    at("more").hidden = hidden === 0;
    at("more").textContent = `Show more (${fixed(hidden, 0, true)} hidden)`;
  }

  row(i, rank) {
    const { data, selection } = this;
    const { board, engine } = data.target(i);
    const position = selection.positions[i];
    const look = make("button", { type: "button", class: "look", onclick: () => this.open(i) }, name(data.model(i).name));
    return make(
      "tr", { class: POSITIONS[position], "data-candidate": i, onpointerenter: () => this.point(i), onpointerleave: () => this.point(-1) },
      make("td", {}, rank ? make("b", {}, `${rank} `) : null, badge(position)),
      make("th", { scope: "row" }, look),
      make("td", {}, name(board), make("small", {}, name(engine))),
      ...METRICS.map((metric) => make("td", { class: "number" }, cellText(data.quantity(i, metric)))),
      make("td", { class: "why" }, whyNot(data, selection.region, i)),
    );
  }
}

/** Models against boards and engines, with the bounds applied. */
export class Matrix {
  constructor(data, open) {
    Object.assign(this, { data, open, rows: MATRIX_ROWS, metric: "" });
    this.byModel = new Map();
    for (let i = 0; i < data.count; i += 1) {
      const model = data.columns.model[i];
      if (!this.byModel.has(model)) this.byModel.set(model, new Map());
      this.byModel.get(model).set(data.columns.target[i], i);
    }
    at("matrix-more").addEventListener("click", () => { this.rows += 3 * MATRIX_ROWS; this.show(this.selection); });
    const select = at("matrix-metric");
    METRICS.forEach((metric) => select.append(make("option", { value: metric }, TITLES[metric])));
    select.addEventListener("change", () => { this.metric = select.value; this.show(this.selection); });
  }

  show(selection) {
    this.selection = selection;
    const { data } = this;
    const ranks = new Map(selection.ranked.map((i, place) => [i, place + 1]));
    const best = (cells) => Math.min(...[...cells.values()].map((i) => selection.positions[i] * 1e6 + (ranks.get(i) ?? 1e5)));
    const models = [...this.byModel.entries()].sort(([, a], [, b]) => best(a) - best(b));
    replace(at("matrix-heads"), make("tr", {}, make("th", { scope: "col" }, "Model"), ...data.targets.map(
      ({ board, engine }) => make("th", { scope: "col" }, name(board), make("small", {}, name(engine))),
    )));
    replace(at("matrix-rows"), ...models.slice(0, this.rows).map(([model, cells]) => make(
      "tr", {}, make("th", { scope: "row" }, name(data.models[model].name)),
      ...data.targets.map((_, target) => this.cell(cells.get(target), ranks)),
    )));
    at("matrix-more").hidden = models.length <= this.rows;
  }

  cell(i, ranks) {
    if (i === undefined) return make("td", {}, "—");
    const { data, selection } = this;
    const position = selection.positions[i];
    const words = this.metric ? cellText(data.quantity(i, this.metric)) : this.brief(i, position, ranks.get(i));
    return make("td", { class: POSITIONS[position] }, make("button", {
      type: "button", class: "look", title: reasonsOf(data, selection.region, i).join("\n"), onclick: () => this.open(i),
    }, `${GLYPHS[position]} ${words}`, make("span", { class: "unseen" }, ` ${POSITIONS[position]}`)));
  }

  brief(i, position, rank) {
    if (position === INSIDE) return `rank ${rank}`;
    if (this.data.blockers.has(i)) return "can't run";
    const failing = checksOf(this.data, this.selection.region, i).filter((check) => check.position === position);
    const words = failing.map(({ bound }) => (bound.board ? `board's ${bound.metric}` : bound.metric));
    return [...new Set(words)].join(", ");
  }
}

/** One candidate in a sentence, for the pointer and for those who listen. */
export function showTip(data, selection, i, place) {
  const tip = at("tip");
  tip.hidden = i < 0;
  if (i < 0) return;
  const { board, engine } = data.target(i);
  replace(
    tip,
    make("p", { class: "tip-title" }, name(data.model(i).name, "strong"), badge(selection.positions[i])),
    make("p", { class: "muted" }, name(board), ", ", name(engine), `, ${data.model(i).family}`),
    make("dl", {}, ...METRICS.flatMap((metric) => {
      const quantity = data.quantity(i, metric);
      const method = "missing" in quantity ? "" : ` ${quantity.method}`;
      return [make("dt", {}, shortTitle(metric)), make("dd", {}, formatQuantity(quantity), make("span", { class: "muted" }, method))];
    })),
    make("p", { class: "why" }, whyNot(data, selection.region, i)),
  );
  const { width, height } = tip.getBoundingClientRect();
  const left = place.x + 16 + width > innerWidth ? place.x - width - 16 : place.x + 16;
  const top = Math.min(Math.max(8, place.y - height / 2), innerHeight - height - 8);
  tip.style.transform = `translate(${Math.max(8, left)}px, ${top}px)`;
}

