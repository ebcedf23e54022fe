/** One candidate from close up: figures with their sources, ops, memory, confusion, comparison. */

import { higherIsBetter, METRICS, shortTitle, TITLES, UNITS } from "./data.mjs";
import { at, make, name, replace, sortableTable } from "./dom.mjs";
import { reasonsOf } from "./selection.mjs";
import { badge } from "./tables.mjs";
import { drawTimeline, TIMELINE_KEY } from "./timeline.mjs";
import { fixed, formatInterval, formatLimit, formatValue, percent } from "./units.mjs";

export class Detail {
  /**
   * @param {import("./data.mjs").Data} data
   * @param {() => Record<string, string>} theme
   * @param {(i: number) => void} onOpen Told which candidate is looked into; -1 when closed.
   */
  constructor(data, theme, onOpen) {
    Object.assign(this, { data, theme, onOpen, chart: null, candidate: -1 });
    this.dialog = at("detail");
    this.dialog.addEventListener("close", () => this.closed());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    at("detail-close").addEventListener("click", () => this.dialog.close());
    at("detail-target").addEventListener("change", (event) => this.onOpen(Number(event.target.value)));
  }

  closed() {
    this.chart?.dispose();
    this.chart = null;
    if (this.candidate >= 0) {
      this.candidate = -1;
      this.onOpen(-1);
    }
  }

  /** Show a candidate; -1 closes. */
  show(i, selection) {
    if (i < 0) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    const isNew = i !== this.candidate;
    this.candidate = i;
    this.selection = selection;
    if (!this.dialog.open) this.dialog.showModal();
    this.head(i);
    if (isNew) this.body(i);
    else this.compare(i);
  }

  /** Fit the chart to a changed width. */
  layOut() {
    this.chart?.resize();
  }

  head(i) {
    const { data, selection } = this;
    const model = data.model(i);
    replace(at("detail-title"), name(model.name, "span"));
    replace(at("detail-verdict"), badge(selection.positions[i]), ...this.rank(i));
    replace(at("detail-reasons"), ...reasonsOf(data, selection.region, i).map((text) => make("li", {}, text)));
    replace(at("detail-target"), ...data.ofModel(data.columns.model[i]).map((each) => {
      const { board, engine } = data.target(each);
      return make("option", { value: each, selected: each === i }, `${board}, ${engine}`);
    }));
  }

  rank(i) {
    const place = this.selection.ranked.indexOf(i);
    const front = this.data.columns.front[i] ? [" on the front of all metrics"] : [];
    return [place < 0 ? "" : ` rank ${place + 1} of ${this.selection.ranked.length}`, ...front];
  }

  body(i) {
    this.facts(i);
    replace(at("detail-figures"), this.figures(i));
    this.compare(i);
    this.ops(i);
    this.memory(i);
    this.confusion(i);
    this.findings(i);
    this.published(i);
    at("detail-body").scrollTop = 0;
  }

  facts(i) {
    const model = this.data.model(i);
    const target = this.data.target(i);
    const facts = [
      ["Model", `${model.family}, ${model.precision}, ${model.ops} ops, ${formatValue(model.file_size_bytes, "B")}`],
      ["Work", `${fixed(model.macs, 0, true)} MACs (${fixed(model.live_macs, 0, true)} live), ${fixed(model.parameters, 0, true)} parameters`],
      ["Zero weights", `${percent(model.zero_weight_share, 1)}; ${model.dead_channels} dead channels`],
      ["Target", [target.core, target.clock_hz && formatValue(target.clock_hz, "Hz"), target.supply_v && formatValue(target.supply_v, "V")].filter(Boolean).join(", ")],
      ["File", `${model.path} (SHA-256 ${model.sha256.slice(0, 16)}…)`],
    ];
    replace(at("detail-facts"), ...facts.flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, name(text))]));
  }

  /** Where each number comes from. */
  figures(i) {
    const expected = this.data.expected(i);
    const rows = METRICS.flatMap((metric) => [
      [TITLES[metric], this.data.quantity(i, metric)],
      ...expected.filter((each) => each.metric === metric).map(({ share, quantity }) => (
        [`expected${share === null ? "" : ` (${share < 0 ? "−" : "+"}${percent(Math.abs(share), 1)})`}`, quantity]
      )),
    ]);
    const power = this.data.power(i);
    if (power) rows.push([`Active power (${power.rail} rail)`, power.quantity]);
    const { created, dataset, tool } = this.data.document;
    return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Figures and sources" }, make(
      "table", { class: "figures" },
      make("caption", {}, `Where each number comes from. Put together by ${tool} on ${created.slice(0, 16).replace("T", " ")} UTC${dataset ? `; scored on ${dataset.name} (${fixed(dataset.n, 0, true)} inputs, SHA-256 ${dataset.sha256.slice(0, 12)}…)` : ""}.`),
      make("thead", {}, make("tr", {}, ...["Metric", "Value", "Interval", "Method", "Source"].map((title) => make("th", { scope: "col" }, title)))),
      make("tbody", {}, ...rows.map(([title, quantity]) => this.figureRow(title, quantity))),
    ));
  }

  figureRow(title, quantity) {
    const head = make("th", { scope: "row" }, title);
    if ("missing" in quantity) {
      return make("tr", {}, head, make("td", { colspan: 4 }, `Missing: ${quantity.missing}${quantity.advice ? `. ${quantity.advice}` : ""}`));
    }
    const { value, unit, low, high, basis, level, n, method, source, tool, evidence } = quantity;
    const known = basis === "exact" ? "exact" : formatInterval(low, high, unit, value);
    const rests = basis === "exact" || basis === "unknown" ? "" : `${fixed(level * 100, 0)} % level, ${basis}${n === null ? "" : `, n = ${fixed(n, 0, true)}`}`;
    const files = evidence.map(({ kind, ref, sha256 }) => make("li", {}, `${kind}: `, name(ref), sha256 ? make("code", {}, ` ${sha256.slice(0, 12)}…`) : null));
    return make(
      "tr", {}, head, make("td", { class: "number" }, formatValue(value, unit)),
      make("td", {}, known, make("small", {}, rests)), make("td", {}, make("span", { class: `method ${method}` }, method)),
      make("td", { class: "source" }, name(source), tool ? make("small", {}, name(tool)) : null, files.length ? make("ul", {}, ...files) : null),
    );
  }

  /** The same model on every target: bars with error bars, in a table. */
  compare(i) {
    const { data } = this;
    const all = data.ofModel(data.columns.model[i]);
    at("detail-compare-part").hidden = all.length < 2;
    const most = Object.fromEntries(METRICS.map((metric) => [metric, Math.max(...all.map((each) => {
      const { value, high } = data.columnsOf[metric];
      return Math.max(value[each] || 0, Number.isFinite(high[each]) ? high[each] : 0);
    }), this.selection.region[metric] ?? 0)]));
    replace(at("detail-compare"), make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Every target side by side" }, make(
      "table", { class: "bars" },
      make("caption", {}, "The same model on every board and engine. Bars start at 0; the whisker is the interval, the line the bound."),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Target"), ...METRICS.map((metric) => make("th", { scope: "col" }, shortTitle(metric))))),
      make("tbody", {}, ...all.map((each) => make(
        "tr", { class: each === i ? "current" : null },
        make("th", { scope: "row" }, name(data.target(each).board), make("small", {}, name(data.target(each).engine)), badge(this.selection.positions[each])),
        ...METRICS.map((metric) => this.bar(each, metric, most[metric])),
      ))),
    )));
  }

  bar(i, metric, most) {
    const quantity = this.data.quantity(i, metric);
    if ("missing" in quantity) return make("td", { title: quantity.missing }, "—");
    const { value, low, high, unit, method } = quantity;
    const place = (share) => `${Math.min(100, Math.max(0, (100 * share) / most))}%`;
    const bar = make("span", { class: `bar ${method}` });
    bar.style.width = place(value);
    const parts = [bar];
    if (Number.isFinite(low) && Number.isFinite(high) && high > low) {
      const whisker = make("span", { class: "whisker" });
      whisker.style.left = place(low);
      whisker.style.right = `${100 - Number.parseFloat(place(high))}%`;
      parts.push(whisker);
    }
    const limit = this.selection.region[metric];
    if (limit !== undefined) {
      const line = make("span", { class: "limit", title: `bound ${formatLimit(limit, unit)}` });
      line.style.left = place(limit);
      parts.push(line);
    }
    const text = make("span", { class: "value" }, formatValue(value, unit));
    return make("td", {}, text, make("span", { class: `track ${higherIsBetter(metric) ? "higher" : ""}`, "aria-hidden": "true" }, ...parts));
  }

  ops(i) {
    const rows = this.data.ops(i);
    at("detail-ops-part").hidden = rows.length === 0;
    const quantity = (value, unit) => (Number.isNaN(value) ? "—" : formatValue(value, unit));
    const count = (value) => fixed(value, 0, true);
    const widest = Math.max(...rows.map(({ share }) => share || 0));
    const share = (row) => {
      if (Number.isNaN(row.share)) return "—";
      const bar = make("span", { class: "bar" });
      bar.style.width = `${(100 * row.share) / (widest || 1)}%`;
      return make("span", { class: "share" }, percent(row.share, 1), make("span", { class: "track", "aria-hidden": "true" }, bar));
    };
    replace(at("detail-ops"), sortableTable({
      caption: "Ops. MACs and bytes are counted from the file; time is of the latency's method; energy is the whole, shared by time.",
      columns: [
        { title: "#", numeric: true, key: (row) => row.op, cell: (row) => row.op },
        { title: "Op", key: (row) => row.kind, cell: (row) => name(row.kind) },
        { title: "Time", numeric: true, key: (row) => row.time, cell: (row) => quantity(row.time, "s") },
        { title: "Share", numeric: true, key: (row) => row.share, cell: share },
        { title: "Energy", numeric: true, key: (row) => row.energy, cell: (row) => quantity(row.energy, "J") },
        { title: "MACs", numeric: true, key: (row) => row.macs, cell: (row) => count(row.macs) },
        { title: "Weights (B)", numeric: true, key: (row) => row.weights, cell: (row) => count(row.weights) },
        { title: "Activations (B)", numeric: true, key: (row) => row.activations, cell: (row) => count(row.activations) },
      ],
      rows,
    }));
  }

  memory(i) {
    this.chart?.dispose();
    this.chart = null;
    const plan = this.data.plan(i);
    at("detail-memory-part").hidden = plan === null;
    if (!plan) return;
    replace(at("detail-parts"), this.parts(plan));
    const element = at("detail-timeline");
    const drawn = plan.placements.length > 0;
    at("detail-timeline-part").hidden = !drawn;
    if (!drawn) return;
    element.setAttribute("aria-label", `Arena over the ops: ${plan.placements.length} buffers, most live at op ${plan.peakOp} ${plan.kinds[plan.peakOp] ?? ""}. The table below holds the same.`);
    this.chart = drawTimeline(element, plan, this.theme());
    replace(at("detail-timeline-key"), ...TIMELINE_KEY.map(([role, text]) => make("span", { class: `key ${role}` }, text)));
    replace(at("detail-placements"), sortableTable({
      caption: "Every planned buffer",
      columns: [
        { title: "Buffer", key: (row) => row.name, cell: (row) => name(row.name || "(no name)") },
        { title: "Role", key: (row) => row.role, cell: (row) => row.role },
        { title: "Bytes", numeric: true, key: (row) => row.size, cell: (row) => fixed(row.size, 0, true) },
        { title: "Offset", numeric: true, key: (row) => row.offset, cell: (row) => fixed(row.offset, 0, true) },
        { title: "First op", numeric: true, key: (row) => row.first, cell: (row) => row.first },
        { title: "Last op", numeric: true, key: (row) => row.last, cell: (row) => row.last },
      ],
      rows: plan.placements,
    }));
  }

  parts(plan) {
    const size = (quantity) => ("missing" in quantity ? "—" : fixed(quantity.value, 0, true));
    const spread = ({ low, high, basis, unit }) => (basis === "exact" ? "exact" : formatInterval(low, high, unit));
    return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "RAM and flash by part" }, make(
      "table", {},
      make("caption", {}, "RAM and flash by part", plan.setBy ? `; the smallest arena is set by ${plan.setBy}` : ""),
      make("thead", {}, make("tr", {}, ...["Memory", "Part", "Bytes", "Interval", "Method", "Source"].map((title) => make("th", { scope: "col" }, title)))),
      make("tbody", {}, ...plan.parts.map((part) => make(
        "tr", {}, make("td", {}, part.kind === "ram" ? "RAM" : part.kind), make("th", { scope: "row" }, name(part.name)),
        make("td", { class: "number" }, size(part.size)), make("td", {}, spread(part.size)),
        make("td", {}, part.size.method ?? ""), make("td", { class: "source" }, name(part.size.source ?? part.size.missing)),
      ))),
    ));
  }

  confusion(i) {
    const score = this.data.score(i);
    const shown = score !== null && score.confusion.length > 0;
    at("detail-confusion-part").hidden = !shown;
    if (!shown) return;
    const label = (k) => score.labels[k] ?? String(k);
    const rows = score.confusion.map((row, truth) => {
      const whole = row.reduce((sum, each) => sum + each, 0);
      return make("tr", {}, make("th", { scope: "row" }, name(label(truth))), ...row.map((count, answer) => {
        const cell = make("td", { class: answer === truth ? "right" : "wrong" }, count || "·");
        cell.style.setProperty("--share", whole ? (count / whole).toFixed(3) : "0");
        return cell;
      }), make("td", { class: "number" }, score.recall[truth] === null ? "—" : percent(score.recall[truth], 1)));
    });
    const right = score.correct === null ? "" : ` ${fixed(score.correct, 0, true)} right.`;
    replace(at("detail-confusion"), make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Confusion matrix" }, make(
      "table", { class: "confusion" },
      make("caption", {}, `Confusion matrix over ${fixed(score.n, 0, true)} inputs.${right} Rows are true classes, columns answers; the last column is the recall.`),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "true \\ answer"), ...score.confusion.map((_, k) => make("th", { scope: "col" }, name(label(k)))), make("th", { scope: "col" }, "recall"))),
      make("tbody", {}, ...rows),
    )));
  }

  findings(i) {
    const found = this.data.findings(i);
    at("detail-findings-part").hidden = found.length === 0;
    replace(at("detail-findings"), ...found.map(({ code, severity, message, advice }) => make(
      "li", { class: severity }, make("code", {}, code), ` ${severity}: `, name(message), advice ? make("p", { class: "advice" }, name(advice)) : null,
    )));
  }

  published(i) {
    const found = this.data.published(i);
    at("detail-published-part").hidden = found.length === 0;
    if (!found.length) return;
    replace(at("detail-published"), make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Published results" }, make(
      "table", {},
      make("caption", {}, "Published MLPerf Tiny results nearest to this candidate: same board first, then same core, by MACs. Another model on it, so only the order of size can be compared."),
      make("thead", {}, make("tr", {}, ...["Round", "Submitter", "Board", "Engine", "Benchmark", "MACs", "Latency", "Energy", "Source"].map((title) => make("th", { scope: "col" }, title)))),
      make("tbody", {}, ...found.map((row) => make(
        "tr", {}, ...[row.round, row.submitter, row.board, `${row.engine} ${row.engine_version}`, row.benchmark].map((text) => make("td", {}, name(text))),
        ...[fixed(row.macs, 0, true), formatValue(row.latency_s, UNITS.latency), row.energy_j === null ? "—" : formatValue(row.energy_j, UNITS.energy)].map((text) => make("td", { class: "number" }, text)),
        make("td", { class: "source" }, name(row.source)),
      ))),
    )));
  }
}
