/**
 * One scatter panel: candidates as marks with error bars, their front, and the region of interest
 * with bounds that can be dragged. ECharts draws the axes and paints our shapes; what a mark looks
 * like is in `marks.mjs`.
 */

import { higherIsBetter, shortTitle, UNITS } from "./data.mjs";
import { frontOf } from "./marks.mjs";
import { Scale, asPrinted } from "./scale.mjs";
import { OUTSIDE } from "./selection.mjs";
import { Stamps } from "./sprites.mjs";
import { isLimit } from "./state.mjs";
import { formatLimit } from "./units.mjs";

const BAR_ALPHAS = [0.55, 0.3, 0.1];
// Beyond so many error bars nobody sees one: those further off keep theirs for the pointer.
const MOST_BARS = 300;
const GRID = { left: 54, right: 22, top: 26, bottom: 40 };
const REACH = { mouse: 9, pen: 12, touch: 20 };
const NEAR = 14;
// A mark on the edge of the axes is drawn whole.
const EDGE = 10;
// Width of a bold letter of the chosen model's name, about.
const LETTER = 8;

/* global echarts */
const Bars = echarts.graphic.extendShape({
  type: "bars",
  shape: { points: [] },
  buildPath(context, { points }) {
    for (const { px, py, left, right, top, bottom } of points) {
      if (left !== right) context.moveTo(left, py), context.lineTo(right, py);
      if (top !== bottom) context.moveTo(px, top), context.lineTo(px, bottom);
    }
  },
});

const { Line, Rect, Circle, Polyline, Text, Image } = echarts.graphic;
const SHAPES = { line: Line, rect: Rect, circle: Circle, polyline: Polyline, text: Text, image: Image, bars: Bars };

/**
 * What a panel needs to know of the page.
 *
 * @typedef {object} Surroundings
 * @property {import("./data.mjs").Data} data
 * @property {() => import("./state.mjs").View} view
 * @property {() => import("./selection.mjs").Selection} selection
 * @property {(i: number) => string} colourOf
 * @property {(i: number) => boolean} isShown
 * @property {() => Record<string, string>} theme Colours by name.
 * @property {(metric: string, limit: number|undefined) => void} setLimit
 * @property {(i: number, at: DOMRect|null) => void} point Show what is pointed at; -1 for nothing.
 * @property {(i: number) => void} open
 */

export class Panel {
  /**
   * @param {HTMLElement} element
   * @param {number} place Which of the view's horizontal metrics it shows.
   * @param {Surroundings} page
   */
  constructor(element, place, page) {
    this.element = element;
    this.place = place;
    this.page = page;
    this.chart = echarts.init(element, null, { renderer: "canvas" });
    this.ring = new echarts.graphic.Circle({
      shape: { r: 11 }, style: { fill: "none", lineWidth: 2 }, silent: true, zlevel: 1, ignore: true,
    });
    this.content = new echarts.graphic.Group({ silent: true });
    this.chart.getZr().add(this.content);
    this.chart.getZr().add(this.ring);
    this.stamps = new Stamps();
    this.points = [];
    this.drag = null;
    this.listen();
  }

  get metric() {
    return this.page.view().x[this.place];
  }

  /** Take the axes anew: after a change of metrics, scales, colours or size. */
  layOut() {
    const { data, view } = this.page;
    const { y, scale, region } = view();
    const { value: across } = data.columnsOf[this.metric];
    const { value: up } = data.columnsOf[y];
    this.xScale = new Scale(this.metric, across, scale[this.metric], region[this.metric]);
    this.yScale = new Scale(y, up, scale[y], region[y]);
    this.chart.resize();
    const { clientWidth, clientHeight } = this.element;
    this.most = { x: clientWidth / 70, y: clientHeight / 50 };
    this.chart.setOption(this.axes());
    this.takePositions();
    this.paint();
  }

  /** Draw everything within the axes anew: after a change of bounds. */
  paint() {
    this.points = this.placed();
    const { x0, x1, y0, y1 } = this.box;
    this.content.removeAll();
    for (const { type, ...rest } of this.contents()) {
      this.content.add(new SHAPES[type]({ ...rest, z: 1 }));
    }
    const shape = { x: x0, y: y1, width: x1 - x0, height: y0 - y1 };
    this.content.setClipPath(new echarts.graphic.Rect({ shape }));
  }

  axes() {
    const { theme } = this.page;
    const { ink, muted, hairline } = theme();
    const axis = (scale, most) => ({
      type: "value",
      min: scale.low,
      max: scale.high,
      axisLine: { show: true, onZero: false, lineStyle: { color: hairline } },
      axisTick: { show: false, customValues: scale.ticks(most) },
      axisLabel: {
        customValues: scale.ticks(most), formatter: (at) => scale.label(at),
        color: muted, fontSize: 11, hideOverlap: true,
      },
      splitLine: { show: false },
      name: scale.title,
      nameTextStyle: { color: ink, fontSize: 11.5 },
    });
    return {
      animation: false,
      grid: GRID,
      xAxis: { ...axis(this.xScale, this.most.x), nameLocation: "middle", nameGap: 26 },
      yAxis: {
        ...axis(this.yScale, this.most.y), nameLocation: "end", nameGap: 9,
        nameTextStyle: { color: ink, fontSize: 11.5, align: "left", padding: [0, 0, 0, -GRID.left + 8] },
      },
    };
  }

  /** Everything within the axes, from the back to the front. */
  contents() {
    return [
      ...this.gridLines(), ...this.regionShade(), ...this.errorBars(), ...this.frontLine(),
      ...this.marks(), ...this.boundLines(), ...this.chosenName(), ...this.emptyNote(),
    ];
  }

  /** Say why where no candidate can be drawn. */
  emptyNote() {
    if (this.points.length) return [];
    const { x0, x1, y0, y1 } = this.box;
    const unknown = [this.xScale, this.yScale].filter((scale) => scale.empty);
    const why = unknown.length ? `: ${unknown.map(({ metric }) => shortTitle(metric).toLowerCase()).join(" and ")} unknown` : "";
    return [{
      type: "text", x: (x0 + x1) / 2, y: (y0 + y1) / 2,
      style: { text: `nothing to draw${why}`, fill: this.page.theme().muted, fontSize: 12, align: "center", verticalAlign: "middle", backgroundColor: this.page.theme().paper, padding: [2, 6] },
    }];
  }

  /** Learn from the axes where values lie. */
  takePositions() {
    const { xScale, yScale } = this;
    const [x0, y0] = this.chart.convertToPixel("grid", [xScale.low, yScale.low]);
    const [x1, y1] = this.chart.convertToPixel("grid", [xScale.high, yScale.high]);
    this.box = { x0, y0, x1, y1 };
    const perX = (x1 - x0) / (xScale.high - xScale.low);
    const perY = (y1 - y0) / (yScale.high - yScale.low);
    this.toX = (value) => x0 + (xScale.toAxis(value) - xScale.low) * perX;
    this.toY = (value) => y0 + (yScale.toAxis(value) - yScale.low) * perY;
    this.fromX = (px) => xScale.fromAxis(xScale.low + (px - x0) / perX);
    this.fromY = (py) => yScale.fromAxis(yScale.low + (py - y0) / perY);
  }

  placed() {
    const { data, selection, isShown, view } = this.page;
    const across = data.columnsOf[this.metric];
    const up = data.columnsOf[view().y];
    const { positions } = selection();
    const points = [];
    for (let i = 0; i < data.count; i += 1) {
      const [x, y] = [across.value[i], up.value[i]];
      if (Number.isNaN(x) || Number.isNaN(y) || !isShown(i)) continue;
      const [px, py] = [this.toX(x), this.toY(y)];
      if (!Number.isFinite(px) || !Number.isFinite(py)) continue; // 0 on a logarithmic axis
      points.push({
        i, x, y, px, py,
        family: data.model(i).family,
        position: positions[i],
        method: data.method(i, this.metric),
        colour: this.page.colourOf(i),
        left: this.end(this.toX, across.low[i], px, this.box.x0),
        right: this.end(this.toX, across.high[i], px, this.box.x1),
        bottom: this.end(this.toY, up.low[i], py, this.box.y0),
        top: this.end(this.toY, up.high[i], py, this.box.y1),
      });
    }
    return points;
  }

  /** Where an end of an interval lies: at the mark where unknown, at the edge where beyond. */
  end(to, value, mark, edge) {
    if (Number.isNaN(value)) return mark;
    const at = to(value);
    return Number.isFinite(at) ? at : edge;
  }

  gridLines() {
    const { x0, x1, y0, y1 } = this.box;
    const { hairline } = this.page.theme();
    const line = (shape) => ({ type: "line", shape, style: { stroke: hairline, lineWidth: 1 } });
    const { xScale, yScale } = this;
    const across = xScale.ticks(this.most.x).map((tick) => this.toX(xScale.fromAxis(tick)));
    const up = yScale.ticks(this.most.y).map((tick) => this.toY(yScale.fromAxis(tick)));
    return [
      ...across.map((x) => line({ x1: x, x2: x, y1: y0, y2: y1 })),
      ...up.map((y) => line({ x1: x0, x2: x1, y1: y, y2: y })),
    ];
  }

  regionShade() {
    const { region, y } = this.page.view();
    const [limitX, limitY] = [region[this.metric], region[y]];
    if (limitX === undefined && limitY === undefined) return [];
    const { x0, x1, y0, y1 } = this.box;
    let [left, right, bottom, top] = [x0, x1, y0, y1];
    const clampX = (px) => Math.min(Math.max(px, x0), x1);
    const clampY = (py) => Math.min(Math.max(py, y1), y0);
    if (limitX !== undefined) {
      if (higherIsBetter(this.metric)) left = clampX(this.toX(limitX));
      else right = clampX(this.toX(limitX));
    }
    if (limitY !== undefined) {
      if (higherIsBetter(y)) bottom = clampY(this.toY(limitY));
      else top = clampY(this.toY(limitY));
    }
    const shape = { x: left, y: top, width: right - left, height: bottom - top };
    return [{ type: "rect", shape, style: { fill: this.page.theme().region } }];
  }

  /** Group points by what they look like; those outside come first, so that they lie behind. */
  groups(key) {
    const groups = new Map();
    for (const point of this.points) {
      const name = `${2 - point.position} ${key(point)}`;
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(point);
    }
    return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, points]) => points);
  }

  errorBars() {
    const counts = [0, 0, 0];
    for (const { position } of this.points) counts[position] += 1;
    const upTo = (position) => counts.slice(0, position + 1).reduce((sum, each) => sum + each);
    return this.groups((point) => point.colour)
      .filter(([first]) => upTo(first.position) <= MOST_BARS)
      .map((points) => ({
        type: "bars",
        shape: { points },
        style: { stroke: points[0].colour, fill: "none", lineWidth: 1, opacity: BAR_ALPHAS[points[0].position] },
      }));
  }

  marks() {
    const { x0, x1, y0, y1 } = this.box;
    const box = { x: x0 - EDGE, y: y1 - EDGE, width: x1 - x0 + 2 * EDGE, height: y0 - y1 + 2 * EDGE };
    const image = this.stamps.draw(this.points, box, this.page.theme().paper);
    return [{ type: "image", style: { image, ...box } }];
  }

  frontLine() {
    const { data, view } = this.page;
    const able = this.points.filter(({ i }) => !data.blockers.has(i));
    const front = frontOf(able, this.metric, view().y);
    if (front.length < 2) return [];
    const points = front.flatMap(({ px, py }, at) => (at ? [[px, front[at - 1].py], [px, py]] : [[px, py]]));
    const style = { stroke: this.page.theme().muted, fill: "none", lineWidth: 1.2, opacity: 0.8 };
    return [{ type: "polyline", shape: { points }, style }];
  }

  boundLines() {
    const { y } = this.page.view();
    const { x0, x1, y0, y1 } = this.box;
    const x = this.handleX();
    const up = this.handleY();
    // Where a label would leave the axes it changes sides.
    const [side, dx] = x - x0 < 74 ? ["left", 6] : ["right", -6];
    const [edge, dy] = up - y1 < 20 ? ["top", 5] : ["bottom", -5];
    return [
      ...this.bound({ x1: x, x2: x, y1: y0, y2: y1 }, this.metric, { x: x + dx, y: y1 + 2, align: side, verticalAlign: "top" }),
      ...this.bound({ x1: x0, x2: x1, y1: up, y2: up }, y, { x: x1 - 2, y: up + dy, align: "right", verticalAlign: edge }),
    ];
  }

  bound(shape, metric, label) {
    const limit = this.page.view().region[metric];
    const { ink, paper } = this.page.theme();
    if (limit === undefined) return [];
    const held = this.drag?.metric === metric;
    const text = `${higherIsBetter(metric) ? "≥" : "≤"} ${formatLimit(limit, UNITS[metric])}`;
    return [
      { type: "line", shape, style: { stroke: ink, lineWidth: held ? 2 : 1.1, lineDash: [5, 4] } },
      { type: "rect", shape: this.grip(shape), style: { fill: held ? ink : paper, stroke: ink, lineWidth: 1.3 } },
      {
        type: "text", x: label.x, y: label.y,
        style: {
          text, fill: ink, fontSize: 11, fontWeight: 600, align: label.align,
          verticalAlign: label.verticalAlign, backgroundColor: paper, padding: [2, 4], borderRadius: 3,
        },
      },
    ];
  }

  /** A thumb at the line's end on the axis, unlike any mark. */
  grip({ x1, x2, y1 }) {
    return x1 === x2
      ? { x: x1 - 4, y: y1 - 20, width: 8, height: 18, r: 4 }
      : { x: x2 - 20, y: y1 - 4, width: 18, height: 8, r: 4 };
  }

  /** Where the bounds can be taken hold of: at the axis' end where there is none yet. */
  handleX() {
    const limit = this.page.view().region[this.metric];
    const free = higherIsBetter(this.metric) ? this.box.x0 : this.box.x1;
    return limit === undefined ? free : Math.min(Math.max(this.toX(limit), this.box.x0), this.box.x1);
  }

  handleY() {
    const { y, region } = this.page.view();
    const free = higherIsBetter(y) ? this.box.y0 : this.box.y1;
    return region[y] === undefined ? free : Math.min(Math.max(this.toY(region[y]), this.box.y1), this.box.y0);
  }

  chosenName() {
    const [chosen] = this.page.selection().ranked;
    const point = this.points.find(({ i }) => i === chosen);
    if (!point) return [];
    const { ink, paper } = this.page.theme();
    const right = point.px > (this.box.x0 + this.box.x1) / 2;
    const room = (right ? point.px - this.box.x0 : this.box.x1 - point.px) - 16;
    const { name } = this.page.data.model(chosen);
    const most = Math.floor(room / LETTER);
    const short = name.length > most ? `${name.slice(0, most - 1)}…` : name;
    return [
      { type: "circle", shape: { cx: point.px, cy: point.py, r: 10 }, style: { fill: "none", stroke: ink, lineWidth: 1.6 } },
      {
        type: "text", x: point.px + (right ? -12 : 12), y: point.py - 9,
        style: {
          text: short, fill: ink, fontSize: 12, fontWeight: 700, align: right ? "right" : "left",
          verticalAlign: "bottom", backgroundColor: paper, padding: [1, 3], borderRadius: 3, opacity: 0.92,
        },
      },
    ];
  }

  /** Ring a candidate, here and on every other panel; -1 takes the ring away. */
  emphasise(i) {
    const point = this.points.find((each) => each.i === i);
    this.ring.attr({
      ignore: !point,
      shape: { cx: point?.px ?? 0, cy: point?.py ?? 0 },
      style: { stroke: this.page.theme().accent },
    });
  }

  nearest(px, py) {
    let [best, least] = [-1, NEAR ** 2];
    for (const point of this.points) {
      const distance = (point.px - px) ** 2 + (point.py - py) ** 2 + 20 * Number(point.position === OUTSIDE);
      if (distance < least) [best, least] = [point.i, distance];
    }
    return best;
  }

  /** Which bound lies under the pointer, if any. */
  boundAt(px, py, reach) {
    if (!this.box) return null;
    const { x0, x1, y0, y1 } = this.box;
    if (px < x0 - NEAR || px > x1 + NEAR || py > y0 + NEAR || py < y1 - NEAR) return null;
    const [beside, above] = [Math.abs(px - this.handleX()), Math.abs(py - this.handleY())];
    if (Math.min(beside, above) >= reach) return null;
    const across = beside < above;
    return { metric: across ? this.metric : this.page.view().y, across };
  }

  listen() {
    const local = (event) => {
      const box = this.element.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const { element } = this;
    element.addEventListener("pointerdown", (event) => {
      this.drag = this.boundAt(...local(event), REACH[event.pointerType] ?? REACH.mouse);
      if (!this.drag) return;
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => {
      if (this.drag) this.moveBound(...local(event));
      else this.pointAt(...local(event));
    });
    element.addEventListener("pointerup", (event) => {
      if (!this.drag) {
        const i = this.nearest(...local(event));
        if (i >= 0) this.page.open(i);
      }
      this.drag = null;
    });
    // A finger that holds a bound moves it, not the page.
    element.addEventListener("touchstart", (event) => this.drag && event.preventDefault(), { passive: false });
    element.addEventListener("pointercancel", () => { this.drag = null; });
    element.addEventListener("pointerleave", () => this.page.point(-1, null));
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("blur", () => this.page.point(-1, null));
  }

  pointAt(px, py) {
    const bound = this.boundAt(px, py, REACH.mouse);
    const i = bound ? -1 : this.nearest(px, py);
    this.element.style.cursor = bound ? (bound.across ? "ew-resize" : "ns-resize") : i < 0 ? "" : "pointer";
    this.show(i);
  }

  show(i) {
    const point = this.points.find((each) => each.i === i);
    const box = this.element.getBoundingClientRect();
    this.page.point(i, point ? new DOMRect(box.left + point.px, box.top + point.py, 0, 0) : null);
  }

  moveBound(px, py) {
    const { x0, x1, y0, y1 } = this.box;
    const { metric, across } = this.drag;
    const gone = across ? px > x1 + 12 || px < x0 - 12 : py > y0 + 12 || py < y1 - 12;
    if (gone) {
      this.page.setLimit(metric, undefined);
      return;
    }
    const limit = across ? this.fromX(Math.min(Math.max(px, x0), x1)) : this.fromY(Math.min(Math.max(py, y1), y0));
    const printed = asPrinted(metric === "accuracy" ? Math.min(limit, 1) : limit, metric);
    if (isLimit(metric, printed)) this.page.setLimit(metric, printed);
  }

  /** Arrow keys walk along the points, Enter looks into one. */
  key(event) {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const sorted = [...this.points].sort((a, b) => a.px - b.px || a.i - b.i);
    if (step && sorted.length) {
      event.preventDefault();
      const at = sorted.findIndex(({ i }) => i === this.walked);
      this.walked = sorted[at < 0 ? 0 : (at + step + sorted.length) % sorted.length].i;
      this.show(this.walked);
    } else if (event.key === "Enter" && sorted.some(({ i }) => i === this.walked)) {
      event.preventDefault();
      this.page.open(this.walked);
    }
  }
}
