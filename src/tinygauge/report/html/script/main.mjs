/** Brings the page to life: one view, one selection, and what shows them. */

import { Data, METRICS, shortTitle, TITLES } from "./data.mjs";
import { RegionControls, showLegend } from "./controls.mjs";
import { Detail } from "./detail.mjs";
import { at, make, replace } from "./dom.mjs";
import { Panel } from "./panels.mjs";
import { suitingScale } from "./scale.mjs";
import { explain, select } from "./selection.mjs";
import { parseFragment, TABS, writeFragment } from "./state.mjs";
import { CandidateTable, Matrix, showDecision, showTip } from "./tables.mjs";

// Okabe and Ito's colours ("Color Universal Design", 2008), then Tol's of the scheme "muted"
// (SRON/EPS/TN/09-002, 2021): told apart with any colour vision.
const COLOURS = {
  light: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999933", "#44AA99", "#AA4499"],
  // The same hues, lightened until they stand out from a dark ground.
  dark: ["#4AA3DF", "#F5843D", "#2CC295", "#E3A0C4", "#F0B53A", "#8FD0F5", "#CF6F9B", "#C6C65A", "#72D3C3", "#D584D5"],
};
const LABELS = {
  target: ({ board, engine }) => `${board}, ${engine}`,
  board: ({ board }) => board,
  engine: ({ engine }) => engine,
};
const QUIET_MS = 300;

class Page {
  constructor(data) {
    this.data = data;
    this.defaults = ownView(data);
    this.only = { group: null, family: null, front: null };
    this.view = parseFragment(location.hash.slice(1), this.defaults);
    const setLimit = (metric, limit) => this.setLimit(metric, limit);
    const open = (i) => this.change({ open: i });
    const point = (i, place = null) => this.point(i, place);
    this.controls = new RegionControls(at("bounds"), data, setLimit);
    this.candidates = new CandidateTable(data, open, point);
    this.matrix = new Matrix(data, open);
    this.detail = new Detail(data, () => this.theme, (i) => i !== this.view.open && this.change({ open: i }));
    this.panels = [...document.querySelectorAll(".plot")].map((element, place) => new Panel(element, place, {
      data, setLimit, open, point,
      view: () => this.view,
      selection: () => this.selection,
      theme: () => this.theme,
      colourOf: (i) => this.colours[data.columns.target[i]],
      isShown: (i) => this.isShown(i),
    }));
    this.listen();
    this.showAll();
  }

  listen() {
    addEventListener("hashchange", () => {
      if (location.hash.slice(1) === writeFragment(this.view, this.defaults)) return;
      this.view = parseFragment(location.hash.slice(1), this.defaults);
      this.showAll();
    });
    new ResizeObserver(() => this.soon("layOut")).observe(at("panels"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.showAll());
    addEventListener("beforeprint", () => this.print("light"));
    addEventListener("afterprint", () => this.print(""));
    this.listenToChoices();
  }

  listenToChoices() {
    at("theme").addEventListener("click", () => {
      document.documentElement.dataset.theme = isDark() ? "light" : "dark";
      this.showAll();
    });
    at("reset").addEventListener("click", () => this.change({ region: this.defaults.region, ranking: this.defaults.ranking }));
    for (const metric of METRICS) {
      at("rank").append(make("option", { value: metric }, shortTitle(metric)));
      at("y-metric").append(make("option", { value: metric }, TITLES[metric]));
    }
    at("rank").addEventListener("change", ({ target }) => {
      this.change({ ranking: [target.value, ...this.defaults.ranking.filter((each) => each !== target.value)] });
    });
    at("y-metric").addEventListener("change", ({ target }) => this.change({ y: target.value }));
    at("y-scale").addEventListener("click", () => this.flip(this.view.y));
    at("colour").addEventListener("change", ({ target }) => {
      this.only.group = null;
      this.change({ colour: target.value });
    });
    document.querySelectorAll(".x-metric").forEach((element, place) => {
      METRICS.forEach((metric) => element.append(make("option", { value: metric }, TITLES[metric])));
      element.addEventListener("change", () => this.change({ x: this.view.x.with(place, element.value) }));
    });
    document.querySelectorAll(".x-scale").forEach((element, place) => {
      element.addEventListener("click", () => this.flip(this.view.x[place]));
    });
    listenToTabs((tab) => this.change({ tab }));
  }

  flip(metric) {
    const other = this.view.scale[metric] === "log" ? "linear" : "log";
    this.change({ scale: { ...this.view.scale, [metric]: other } });
  }

  setLimit(metric, limit) {
    const region = { ...this.view.region };
    if (limit === undefined) delete region[metric];
    else region[metric] = limit;
    this.change({ region }, Object.keys(region).length === Object.keys(this.view.region).length);
  }

  /** Take on a changed view; where only a limit moved, the axes stay as they are. */
  change(part, bySight = false) {
    this.view = { ...this.view, ...part };
    this.soon(bySight ? "showBounds" : "showAll");
  }

  /** Do it once before the next frame, however often it is asked for. */
  soon(what) {
    if (!this.due) {
      requestAnimationFrame(() => {
        const due = this.due;
        this.due = null;
        this[due]();
      });
    }
    this.due = this.due === "showAll" || what === "showAll" ? "showAll" : this.due === "layOut" ? "layOut" : what;
  }

  showAll() {
    this.theme = readTheme();
    this.takeColours();
    this.showChoices();
    this.decide();
    this.layOut();
  }

  layOut() {
    this.panels.forEach((panel) => panel.layOut());
    this.detail.layOut();
  }

  showBounds() {
    const started = performance.now();
    this.decide();
    this.panels.forEach((panel) => panel.paint());
    performance.measure("tinygauge:bounds", { start: started });
  }

  /** Select anew, and show everything but the panels. */
  decide() {
    const { data, view, defaults } = this;
    this.selection = select(data, view.region, view.ranking);
    const isOwn = JSON.stringify([view.region, view.ranking]) === JSON.stringify([defaults.region, defaults.ranking]);
    showDecision(data, this.selection, {
      isOwn,
      open: (i) => this.change({ open: i }),
      setLimit: (metric, limit) => this.setLimit(metric, limit),
    });
    at("reset").hidden = isOwn;
    this.controls.show(view.region);
    if (view.tab === "candidates") this.candidates.show(this.selection);
    if (view.tab === "matrix") this.matrix.show(this.selection);
    this.detail.show(view.open, this.selection);
    this.restLater();
  }

  writeAddress() {
    const text = writeFragment(this.view, this.defaults);
    if (text === location.hash.slice(1)) return;
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  /** Once the bounds rest, tell those who listen, and write the address: browsers let that change only so often. */
  restLater() {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      this.writeAddress();
      const text = explain(this.data, this.selection).map((line) => line.trim()).join(" ");
      if (at("announcement").textContent !== text) replace(at("announcement"), text);
    }, QUIET_MS);
  }

  showChoices() {
    const { view } = this;
    at("rank").value = view.ranking[0];
    at("rank-then").textContent = view.ranking.join(", then ");
    at("y-metric").value = view.y;
    at("colour").value = view.colour;
    showScale(at("y-scale"), view.scale[view.y]);
    document.querySelectorAll(".x-metric").forEach((element, place) => { element.value = view.x[place]; });
    document.querySelectorAll(".x-scale").forEach((element, place) => showScale(element, view.scale[view.x[place]]));
    document.querySelectorAll(".plot").forEach((element, place) => element.setAttribute(
      "aria-label", `${TITLES[view.y]} against ${TITLES[view.x[place]]} of ${this.data.count} candidates. Arrow keys walk along them, Enter looks into one. The table below holds the same.`,
    ));
    showTab(view.tab);
  }

  takeColours() {
    const { data, view } = this;
    const labels = data.targets.map(LABELS[view.colour]);
    const distinct = [...new Set(labels)];
    const colours = COLOURS[isDark() ? "dark" : "light"];
    const colour = (label) => colours[distinct.indexOf(label) % colours.length];
    this.labels = labels;
    this.colours = labels.map(colour);
    const families = [...new Set(data.models.map(({ family }) => family))];
    const methods = [...new Set(view.x.flatMap((metric) => data.methodsOf(metric)))];
    showLegend({
      groups: distinct.map((label) => [label, colour(label)]), families, methods, only: this.only,
      choose: (kind, value) => {
        this.only = { ...this.only, [kind]: value };
        this.soon("showAll");
      },
    });
  }

  isShown(i) {
    const { group, family, front } = this.only;
    if (front !== null && !this.data.columns.front[i]) return false;
    if (group !== null && this.labels[this.data.columns.target[i]] !== group) return false;
    return family === null || this.data.model(i).family === family;
  }

  point(i, place) {
    if (i === this.pointed) return;
    this.pointed = i;
    this.panels.forEach((panel) => panel.emphasise(i));
    showTip(this.data, this.selection, place ? i : -1, place);
    if (i >= 0 && place) replace(at("pointed"), this.data.describe(i));
  }

  print(theme) {
    if (theme) this.before = document.documentElement.dataset.theme ?? "";
    document.documentElement.dataset.theme = theme || this.before;
    this.showAll();
  }
}

/** The report as written: its region and ranking, and scales that suit its numbers. */
function ownView(data) {
  const { region, ranking } = data.document;
  const scale = Object.fromEntries(METRICS.map((metric) => [
    metric, metric === "accuracy" ? "linear" : suitingScale([...data.columnsOf[metric].value]),
  ]));
  const colour = data.targets.length > 8 ? "board" : "target";
  const isKnown = (metric) => data.columnsOf[metric].value.some((value) => !Number.isNaN(value));
  const [y, ...x] = [...METRICS.filter(isKnown), ...METRICS.filter((metric) => !isKnown(metric))];
  return { region, ranking, x, y, scale, colour, tab: "candidates", open: -1, count: data.count };
}

const isDark = () => {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

/** Resolve the style's colours, which depend on light or dark, for what is painted. */
function readTheme() {
  at("theme").textContent = isDark() ? "Light" : "Dark";
  const probe = make("span", { hidden: true });
  document.body.append(probe);
  const names = ["ink", "muted", "hairline", "paper", "accent", "region"];
  const colours = names.map((each) => {
    probe.style.color = `var(--${each})`;
    return [each, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(colours);
}

function showScale(button, kind) {
  button.textContent = kind;
  button.setAttribute("aria-label", `Scale: ${kind}. Change it`);
}

function listenToTabs(choose) {
  for (const [place, tab] of TABS.entries()) {
    at(`tab-${tab}`).addEventListener("click", () => choose(tab));
    at(`tab-${tab}`).addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = TABS[(place + step + TABS.length) % TABS.length];
      choose(next);
      at(`tab-${next}`).focus();
    });
  }
}

function showTab(chosen) {
  for (const tab of TABS) {
    at(`tab-${tab}`).setAttribute("aria-selected", String(tab === chosen));
    at(`tab-${tab}`).tabIndex = tab === chosen ? 0 : -1;
    at(`part-${tab}`).hidden = tab !== chosen;
  }
}

function start() {
  const data = new Data(JSON.parse(at("data").textContent));
  document.documentElement.classList.add("live");
  globalThis.tinygauge = { page: new Page(data), data, select, explain };
}

start();
