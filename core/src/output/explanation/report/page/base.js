"use strict";
// Every text of the data reaches the page as a text node or an attribute value, never as markup.

/** The data of a block of the page. */
function read(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

const report = read("report");

/** An element with properties and children; texts become text nodes. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "role" || name === "for" || name === "list" || name === "scope") {
      element.setAttribute(name, value);
    } else {
      element[name] = value;
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The same for a drawing. */
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** The number that a text of a table stands for; NaN for none. */
function numberOf(text) {
  if (text === undefined || text === null || text === "." || text === "") return NaN;
  if (text === "inf") return Infinity;
  return text === "-inf" ? -Infinity : Number(text);
}

/** Whole numbers with a comma between thousands, for counts of rows. */
function counted(n, one, many) {
  return n.toLocaleString("en") + " " + (n === 1 ? one : many);
}

/** A remark below or above something. */
function remark(text) {
  return make("p", { className: "quiet" }, text);
}

/** A text in a drawing, 11 pixels high. */
function textAt(x, y, attributes, text) {
  return draw("text", { x, y, "font-size": 11, ...attributes }, text);
}

/** A value of the contributions, which are in no table: four significant digits with its sign. */
function signed(value) {
  if (value === 0) return "0";
  const text = Math.abs(value) < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  return value > 0 ? "+" + text : text.replace("-", "−");
}

/** A sentence about what is not there, and the command that makes it. */
function absence(what) {
  const missing = report.absent.find((each) => each.what === what);
  if (!missing) return null;
  const command = missing.command === "" ? null : make("code", {}, missing.command);
  return make("p", { className: "absent" }, missing.sentence + " ", command);
}

const states = report.states;

function swatch(colour) {
  const square = draw("svg", { width: 11, height: 11, "aria-hidden": "true" },
    draw("rect", { width: 11, height: 11, rx: 2, fill: colour }));
  return make("span", { className: "swatch" }, square);
}

/** The states and their colours, which are those of hits.bed. */
function stateLegend() {
  const entries = states.map((state) => make("span", { title: state.meaning }, swatch(state.colour), state.name));
  return make("span", { className: "legend" }, ...entries);
}

/** Letters of a logo: outlines in a box of 100 by 100, which <use> places. */
function defineLetters() {
  const letters = document.getElementById("letters");
  for (const { letter, outline, colour } of report.letters) {
    letters.append(draw("path", { id: "letter-" + letter, d: outline, fill: colour, "fill-rule": "evenodd" }));
  }
}

/** A letter whose foot is at (x, zero), `high` pixels tall; upside down below the line if negative. */
function letterAt(letter, x, zero, wide, high) {
  const place = [x, zero - high].map((value) => value.toFixed(2));
  const scale = [wide, high].map((value) => (value / 100).toFixed(4));
  return draw("use", { href: "#letter-" + letter, transform: `translate(${place})scale(${scale})` });
}
