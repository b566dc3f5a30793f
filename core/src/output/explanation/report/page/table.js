// Tables of which one page of rows is in the document.

const collator = new Intl.Collator("en", { numeric: true });

/**
 * A sortable table in pages.
 *
 * `columns`: {title, hint, value(row) -> text, number: whether it is one, wide: whether
 * it is never cut, cell(row) -> node instead of the text,
 * order(row) -> number to sort by instead of the text's}. `options`: {size: rows of a page, caption(shown, all),
 * open(row), and show() after a click, label, sort: {column, down}}.
 */
class PagedTable {
  constructor(place, columns, rows, options) {
    Object.assign(this, { columns, rows, options });
    this.shown = rows;
    this.page = 0;
    this.selected = null;
    this.sort = options.sort || null;
    this.caption = make("caption", { "aria-live": "polite" });
    this.heads = columns.map((column, number) => this.head(column, number));
    this.body = make("tbody");
    this.table = make("table", { className: options.open ? "open" : "" }, this.caption,
      make("thead", {}, make("tr", {}, ...this.heads)), this.body);
    if (options.open) {
      this.table.tabIndex = 0;
      this.table.setAttribute("aria-label", options.label + ": arrow keys open the next or previous one");
      this.table.addEventListener("keydown", (event) => this.key(event));
    }
    const button = (text, step) => make("button", { type: "button", onclick: () => this.turn(step) }, text);
    this.before = button("Previous", -1);
    this.after = button("Next", 1);
    this.where = make("span", { className: "quiet" });
    this.pager = make("div", { className: "pager" }, this.before, this.where, this.after);
    place.replaceChildren(make("div", { className: "scroll" }, this.table), this.pager);
    this.arrange();
  }

  head(column, number) {
    const sort = () => {
      const again = this.sort !== null && this.sort.column === number;
      this.sort = { column: number, down: again ? !this.sort.down : Boolean(column.down) };
      this.page = 0;
      this.arrange();
    };
    const button = make("button", { type: "button", title: column.hint || "", onclick: sort }, column.title);
    return make("th", { scope: "col", className: column.number ? "number" : "" }, button);
  }

  /** Rows that `keep` accepts. */
  filter(keep) {
    this.keep = keep;
    this.page = 0;
    this.arrange();
  }

  arrange() {
    const shown = this.keep ? this.rows.filter(this.keep) : this.rows.slice();
    if (this.sort !== null) {
      const { column, down } = this.sort;
      const { value, number, order } = this.columns[column];
      const sign = down ? -1 : 1;
      if (number) {
        const keys = new Map(shown.map((row) => [row, order ? order(row) : numberOf(value(row))]));
        // Rows without a number come last in both directions.
        shown.sort((a, b) => {
          const [x, y] = [keys.get(a), keys.get(b)];
          if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
          return x === y ? 0 : sign * (x < y ? -1 : 1);
        });
      } else {
        shown.sort((a, b) => sign * collator.compare(value(a), value(b)));
      }
    }
    this.shown = shown;
    this.render();
  }

  get pages() {
    return Math.max(1, Math.ceil(this.shown.length / this.options.size));
  }

  render() {
    const { size } = this.options;
    this.page = Math.min(this.page, this.pages - 1);
    const from = this.page * size;
    const rows = this.shown.slice(from, from + size);
    this.body.replaceChildren(...rows.map((row) => this.line(row)));
    this.heads.forEach((head, number) => {
      const sorted = this.sort !== null && this.sort.column === number;
      const mark = sorted ? (this.sort.down ? " ▼" : " ▲") : "";
      head.firstChild.textContent = this.columns[number].title + mark;
      head.setAttribute("aria-sort", sorted ? (this.sort.down ? "descending" : "ascending") : "none");
    });
    this.caption.textContent = this.options.caption(this.shown.length, this.rows.length);
    this.where.textContent = `page ${this.page + 1} of ${this.pages}`;
    this.before.disabled = this.page === 0;
    this.after.disabled = this.page === this.pages - 1;
    this.pager.hidden = this.pages === 1;
  }

  line(row) {
    const cells = this.columns.map(({ value, number, wide, cell }) => {
      const node = cell ? cell(row) : null;
      const text = value(row);
      const className = number ? "number" : wide ? "" : "text";
      return make("td", node ? { className } : { className, title: number ? "" : text }, node || text);
    });
    const line = make("tr", { "aria-selected": String(row === this.selected) }, ...cells);
    if (this.options.open) {
      line.addEventListener("click", () => {
        this.choose(row);
        this.options.show();
      });
    }
    return line;
  }

  turn(step) {
    this.page = Math.min(Math.max(this.page + step, 0), this.pages - 1);
    this.render();
  }

  /** Open a row, on whatever page it is. */
  choose(row) {
    this.selected = row;
    const at = this.shown.indexOf(row);
    if (at >= 0) this.page = Math.floor(at / this.options.size);
    this.render();
    this.options.open(row);
  }

  /** The row `step` rows after the open one. */
  move(step) {
    if (this.shown.length === 0) return;
    const at = this.shown.indexOf(this.selected);
    const to = at < 0 ? this.page * this.options.size : Math.min(Math.max(at + step, 0), this.shown.length - 1);
    if (to !== at) this.choose(this.shown[to]);
  }

  key(event) {
    if (event.target !== this.table) return;
    const { size } = this.options;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: size, PageUp: -size, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.move(steps[event.key]);
  }
}

/** A small table that is there as a whole: titles, and rows of texts or nodes. */
function plainTable(titles, rows, numbers = [], caption = null) {
  const kind = (column) => (numbers.includes(column) ? "number" : "text");
  const head = titles.map((title, column) => make("th", { scope: "col", className: kind(column) }, title));
  const lines = rows.map((row) => make("tr", {}, ...row.map((cell, column) => {
    const text = typeof cell === "string";
    return make("td", { className: kind(column), title: text && kind(column) === "text" ? cell : "" }, cell);
  })));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines));
  return make("div", { className: "scroll" }, caption ? make("p", { className: "quiet" }, caption) : null, table);
}
