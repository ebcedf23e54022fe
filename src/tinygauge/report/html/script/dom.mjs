/**
 * Elements made of code: every text is set as text, so that no name is ever read as markup.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `on…` are listeners; false and null are left out.
 * @param {...(Node|string|number|null)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for drawings. @returns {SVGElement} */
export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map(
    (child) => (child instanceof Node ? child : String(child)),
  ));
  return element;
}

/** Put new contents in place of the old. */
export function replace(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null).map(
    (child) => (child instanceof Node ? child : String(child)),
  ));
}

/** A name of the user's, which may be written in any direction. */
export const name = (text, tag = "bdi") => make(tag, { class: "name" }, text);

/** @returns {HTMLElement} The element of the page's skeleton with this id. */
export const at = (id) => document.getElementById(id);

/**
 * A table whose headers sort it: each is a button, and says which way it sorts.
 *
 * @param {object} options
 * @param {string} options.caption
 * @param {{title: string, key?: (row: any) => number|string, numeric?: boolean,
 *          cell: (row: any) => Node|string}[]} options.columns
 * @param {any[]} options.rows
 * @returns {HTMLElement}
 */
export function sortableTable({ caption, columns, rows }) {
  const body = make("tbody");
  const heads = [];
  let sorted = { column: -1, down: false };
  const show = (list) => replace(body, ...list.map((row) => make("tr", {}, ...columns.map(
    (column) => make("td", { class: column.numeric ? "number" : null }, column.cell(row)),
  ))));
  const sort = (place) => {
    const down = sorted.column === place ? !sorted.down : Boolean(columns[place].numeric);
    sorted = { column: place, down };
    heads.forEach((head, i) => {
      const way = down ? "descending" : "ascending";
      if (i === place) head.setAttribute("aria-sort", way);
      else head.removeAttribute("aria-sort");
    });
    show([...rows].sort((a, b) => compare(columns[place].key(a), columns[place].key(b), down)));
  };
  columns.forEach((column, i) => heads.push(make(
    "th",
    { scope: "col", class: column.numeric ? "number" : null },
    column.key ? make("button", { type: "button", class: "sort", onclick: () => sort(i) }, column.title) : column.title,
  )));
  show(rows);
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, make(
    "table", {}, make("caption", {}, caption), make("thead", {}, make("tr", {}, ...heads)), body,
  ));
}

/** Unknown numbers stay at the end, whichever way. */
function compare(a, b, down) {
  const unknown = Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (unknown) return unknown;
  const order = typeof a === "string" ? a.localeCompare(b) : a - b;
  return down ? -order : order;
}
