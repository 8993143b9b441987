"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MARGIN = { left: 58, right: 14, top: 26, bottom: 38 };
  const COLOURS = 8;

  const svg = (name, attributes, parent, text) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent?.append(element);
    return element;
  };
  const html = (name, properties, parent) => {
    const element = Object.assign(document.createElement(name), properties);
    parent?.append(element);
    return element;
  };
  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
  const minus = (text) => text.replace("-", "\u2212");

  /** A number with as many decimals as a range of such a size needs. */
  const written = (value, range) => {
    if (!isNumber(value)) return "\u2013";
    const decimals = range > 0 ? Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(range)))) : 2;
    return minus(value.toFixed(decimals));
  };

  /** Round numbers between two others, about so many. */
  const ticks = (low, high, about) => {
    const rough = (high - low) / about;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough);
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k += 1) found.push(k * step);
    return [found, step];
  };

  const quantile = (sorted, share) => sorted[Math.floor((sorted.length - 1) * share)];

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.given = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
      this.plot = figure.querySelector(".plot");
      this.said = figure.querySelector("output");
      this.hidden = new Set();
      this.view = null;
      this.cursor = null;
      this.tip = html("div", { className: "tip", hidden: true }, this.plot);
      this.listen();
      this.take(this.given.series);
      figure.chart = this;
    }

    /** Take new lines, and draw them: what is zoomed, hidden, open and read stays as it is. */
    take(series) {
      this.series = series.map((line, index) => ({
        ...line,
        colour: `var(--s${index % COLOURS})`,
        points: line.x.map((x, i) => [x, line.y[i], line.error ? line.error[i] : null]).filter(([x, y]) => isNumber(x) && isNumber(y)),
      }));
      this.places = [...new Set(this.series.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b);
      if (!this.all) this.legend();
      this.draw();
      if (this.cursor !== null) this.point(this.cursor);
      const values = this.figure.querySelector(".values");
      if (values.open) this.values(values);
    }

    legend() {
      const legend = this.figure.querySelector(".legend");
      legend.replaceChildren();
      for (const line of this.series) {
        const button = html("button", { type: "button" }, legend);
        button.setAttribute("aria-pressed", String(!this.hidden.has(line.name)));
        const swatch = svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, button);
        svg("line", { x1: 0, x2: 22, y1: 4, y2: 4, stroke: line.colour, "stroke-width": 3, "stroke-dasharray": line.is_faint ? "5 3" : "none" }, swatch);
        button.append(line.name);
        button.addEventListener("click", () => {
          if (!this.hidden.delete(line.name)) this.hidden.add(line.name);
          button.setAttribute("aria-pressed", String(!this.hidden.has(line.name)));
          this.draw();
        });
      }
      this.all = html("button", { type: "button", className: "all", textContent: "Show all", hidden: this.view === null }, legend);
      this.all.addEventListener("click", () => this.zoom(null));
    }

    get shown() {
      return this.series.filter((line) => !this.hidden.has(line.name));
    }

    /** The range of the horizontal axis, on the scale that is drawn. */
    range() {
      if (this.view) return this.view;
      const [first, last] = [this.scale(this.places[0]), this.scale(this.places.at(-1))];
      return first === last ? [first - 1, last + 1] : [first, last];
    }

    scale(x) {
      return this.given.is_log ? Math.log10(Math.max(x, 1e-12)) : x;
    }

    heights([left, right]) {
      const inside = this.shown.flatMap((line) => line.points.filter(([x]) => this.scale(x) >= left && this.scale(x) <= right));
      if (!inside.length) return [0, 1];
      const values = inside.flatMap(([, y, error]) => (isNumber(error) ? [y - 2 * error, y + 2 * error] : [y])).sort((a, b) => a - b);
      let [low, high] = [values[0], values.at(-1)];
      if (this.given.is_cut && this.view === null) {
        // The plateau can be read: the first epochs may lie below, the second half of training never does.
        const late = Math.min(...inside.filter(([x]) => x >= (left + right) / 2).map(([, y]) => y), high);
        low = Math.max(low, Math.min(late, high - 2 * (high - quantile(values, 0.25))));
      }
      const room = 0.06 * (high - low) || Math.max(0.01 * Math.abs(high), 0.1);
      return [low - room, high + room];
    }

    draw() {
      this.plot.querySelector("svg")?.remove();
      const width = Math.max(this.plot.clientWidth, 240);
      const height = width < 500 ? 240 : 320;
      const box = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
      this.plot.prepend(box);
      this.all.hidden = this.view === null;
      if (!this.places.length) {
        svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, box, "nothing to draw yet");
        return;
      }
      const [left, right] = this.range();
      const [low, high] = this.heights([left, right]);
      const inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
      const x = (value) => MARGIN.left + ((this.scale(value) - left) / (right - left)) * inner.width;
      const y = (value) => MARGIN.top + ((high - value) / (high - low)) * inner.height;
      Object.assign(this, { box, x, y, inner, left, right, low, high, height, width });
      this.axes();
      const clip = `clip-${Chart.count++}`;
      svg("rect", { x: MARGIN.left, y: MARGIN.top, width: inner.width, height: inner.height }, svg("clipPath", { id: clip }, box));
      const drawn = svg("g", { "clip-path": `url(#${clip})` }, box);
      for (const line of this.shown) this.line(line, drawn);
      this.marks = svg("g", {}, box);
    }

    axes() {
      const { box, x, y, left, right, low, high, height, width } = this;
      const [levels, step] = ticks(low, high, height < 300 ? 4 : 6);
      for (const level of levels) {
        svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(level), y2: y(level) }, box);
        svg("text", { x: MARGIN.left - 8, y: y(level) + 4, "text-anchor": "end" }, box, written(level, 100 * step));
      }
      let [places, size] = this.given.is_log ? [this.places, 0] : ticks(left, right, width < 500 ? 4 : 8);
      // Epochs, steps and particles are whole numbers.
      if (size < 1) places = places.filter((place) => Number.isInteger(place));
      for (const place of places.filter((each) => this.scale(each) >= left && this.scale(each) <= right)) {
        svg("text", { x: x(place), y: height - MARGIN.bottom + 18, "text-anchor": "middle" }, box, minus(String(place)));
      }
      svg("text", { x: width - MARGIN.right, y: height - 4, "text-anchor": "end" }, box, this.given.x);
      svg("text", { x: MARGIN.left - 46, y: 12 }, box, this.given.y);
    }

    line(line, parent) {
      const { x, y } = this;
      const path = (points) => points.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)},${py.toFixed(1)}`).join("");
      const wide = line.points.filter(([, , error]) => isNumber(error));
      if (wide.length > 1) {
        const upper = wide.map(([px, py, error]) => [x(px), y(py + 2 * error)]);
        const lower = wide.map(([px, py, error]) => [x(px), y(py - 2 * error)]).reverse();
        svg("path", { class: "band", d: `${path([...upper, ...lower])}Z` }, parent).style.fill = line.colour;
      }
      const drawn = svg("path", { class: line.is_faint ? "faint" : "", d: path(line.points.map(([px, py]) => [x(px), y(py)])) }, parent);
      drawn.style.stroke = line.colour;
      if (line.points.length <= 30) {
        for (const [px, py] of line.points) svg("circle", { cx: x(px), cy: y(py), r: 3 }, parent).style.fill = line.colour;
      }
    }

    /** Show the values at a place, the nearest one that there is. */
    point(place) {
      if (!this.marks || !this.places.length) return;
      this.marks.replaceChildren();
      this.cursor = place;
      this.tip.hidden = place === null;
      if (place === null) return;
      const at = this.x(place);
      svg("line", { class: "rule", x1: at, x2: at, y1: MARGIN.top, y2: MARGIN.top + this.inner.height }, this.marks);
      const texts = [`${this.given.x} ${minus(String(place))}`];
      for (const line of this.shown) {
        const found = line.points.find(([px]) => px === place);
        if (!found) continue;
        const error = isNumber(found[2]) ? ` \u00b1 ${written(found[2], this.high - this.low)}` : "";
        texts.push(`${line.name} ${written(found[1], this.high - this.low)}${error}`);
        const cy = this.y(found[1]);
        if (cy <= MARGIN.top + this.inner.height) svg("circle", { cx: at, cy, r: 4.5 }, this.marks).style.fill = line.colour;
      }
      this.tip.replaceChildren(...texts.map((text) => html("div", { textContent: text })));
      const beyond = at + this.tip.offsetWidth + 16 > this.width;
      this.tip.style.left = `${Math.max(0, beyond ? at - this.tip.offsetWidth - 12 : at + 12)}px`;
      this.tip.style.top = `${MARGIN.top + 4}px`;
      // The same words again would be read aloud again.
      if (this.said.textContent !== texts.join(", ")) this.said.textContent = texts.join(", ");
    }

    nearest(clientX) {
      const bounds = this.plot.getBoundingClientRect();
      const share = ((clientX - bounds.left) / bounds.width) * this.width;
      const value = this.left + ((share - MARGIN.left) / this.inner.width) * (this.right - this.left);
      const inside = this.places.filter((place) => this.scale(place) >= this.left && this.scale(place) <= this.right);
      const near = inside.reduce((best, place) => (Math.abs(this.scale(place) - value) < Math.abs(this.scale(best) - value) ? place : best), inside[0]);
      return [near ?? null, value, share];
    }

    zoom(view) {
      const inside = view && this.places.filter((place) => this.scale(place) >= view[0] && this.scale(place) <= view[1]);
      if (view && inside.length < 2) return;
      this.view = view;
      this.draw();
      this.point(null);
    }

    listen() {
      let start = null;
      this.plot.addEventListener("pointermove", (event) => {
        if (!this.inner) return;
        const [place, , share] = this.nearest(event.clientX);
        this.point(place);
        if (start) {
          const [from, to] = [start.share, share].sort((a, b) => a - b);
          svg("rect", { class: "chosen", x: from, y: MARGIN.top, width: to - from, height: this.inner.height }, this.marks);
        }
      });
      this.plot.addEventListener("pointerdown", (event) => {
        if (event.button || !this.inner) return;
        const [, value, share] = this.nearest(event.clientX);
        start = { value, share };
        this.plot.setPointerCapture(event.pointerId);
      });
      this.plot.addEventListener("pointerup", (event) => {
        if (!start) return;
        const [, value, share] = this.nearest(event.clientX);
        const [from, to] = [start.value, value].sort((a, b) => a - b);
        if (Math.abs(share - start.share) > 6) this.zoom([from, to]);
        start = null;
      });
      this.plot.addEventListener("pointercancel", () => { start = null; });
      this.plot.addEventListener("pointerleave", () => this.point(null));
      this.plot.addEventListener("dblclick", () => this.zoom(null));
      this.plot.addEventListener("blur", () => this.point(null));
      this.plot.addEventListener("keydown", (event) => this.key(event));
      new ResizeObserver(() => { if (this.plot.clientWidth !== this.width && this.plot.clientWidth) this.draw(); }).observe(this.plot);
      const values = this.figure.querySelector(".values");
      values.addEventListener("toggle", () => { if (values.open) this.values(values); });
    }

    key(event) {
      if (!this.inner || event.ctrlKey || event.metaKey || event.altKey) return;
      const inside = this.places.filter((place) => this.scale(place) >= this.left && this.scale(place) <= this.right);
      const now = inside.indexOf(this.cursor);
      const middle = this.cursor === null ? (this.left + this.right) / 2 : this.scale(this.cursor);
      const times = { "+": 0.5, "=": 0.5, "-": 2 }[event.key];
      if (event.key === "ArrowRight") this.point(inside[Math.min(now + 1, inside.length - 1)]);
      else if (event.key === "ArrowLeft") this.point(inside[now < 0 ? inside.length - 1 : Math.max(now - 1, 0)]);
      else if (event.key === "Escape") this.zoom(null);
      else if (times) {
        const cursor = this.cursor;
        const half = ((this.right - this.left) / 2) * times;
        const all = [this.scale(this.places[0]), this.scale(this.places.at(-1))];
        const wanted = [Math.max(middle - half, all[0]), Math.min(middle + half, all[1])];
        this.zoom(wanted[0] <= all[0] && wanted[1] >= all[1] ? null : wanted);
        if (cursor !== null) this.point(cursor);
      } else return;
      event.preventDefault();
    }

    /** Write the values as a table. */
    values(parent) {
      const scroll = parent.querySelector(".scroll") ?? html("div", { className: "scroll", tabIndex: 0 }, parent);
      scroll.setAttribute("role", "group");
      scroll.setAttribute("aria-label", `Values of ${this.given.title}`);
      const table = document.createElement("table");
      const head = html("tr", {}, html("thead", {}, table));
      for (const name of [this.given.x, ...this.series.map((line) => line.name)]) html("th", { textContent: name, scope: "col" }, head);
      const body = html("tbody", {}, table);
      const known = this.series.map((line) => new Map(line.points.map(([x, y]) => [x, y])));
      for (const place of this.places) {
        const row = html("tr", {}, body);
        html("th", { textContent: String(place), scope: "row" }, row);
        for (const line of known) html("td", { textContent: line.has(place) ? minus(line.get(place).toFixed(3)) : "", className: "number" }, row);
      }
      const top = scroll.scrollTop;
      scroll.replaceChildren(table);
      scroll.scrollTop = top;
    }
  }
  Chart.count = 0;

  /** Sort a table by a column: numbers by value, texts by their letters, and what is empty last. */
  const sortable = (table) => {
    const heads = [...table.querySelectorAll("thead th")];
    heads.forEach((head, column) => {
      head.querySelector("button")?.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => { if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none"); });
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const body = table.tBodies[0];
        const value = (row) => {
          const cell = row.cells[column];
          const text = cell.dataset.value ?? (cell.textContent === "\u2013" ? "" : cell.textContent);
          return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
        };
        const order = (a, b) => {
          if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1;
          const sign = descending ? -1 : 1;
          return sign * (isNumber(a) && isNumber(b) ? a - b : String(a).localeCompare(String(b)));
        };
        body.append(...[...body.rows].map((row) => [value(row), row]).sort(([a], [b]) => order(a, b)).map(([, row]) => row));
      });
    });
  };

  const theme = () => {
    const button = document.getElementById("theme");
    const stored = () => { try { return localStorage.getItem("beliefnet-theme"); } catch { return null; } };
    const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const tell = () => button.setAttribute("aria-pressed", String(isDark()));
    if (stored()) document.documentElement.dataset.theme = stored();
    tell();
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("beliefnet-theme", document.documentElement.dataset.theme); } catch { /* no storage, as for some pages from disk */ }
      tell();
    });
  };

  /** A link to a run opens it. */
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const closed = target && target.closest("details");
    if (closed && !closed.open) { closed.open = true; target.scrollIntoView(); }
  };

  theme();
  document.querySelectorAll("table.sortable").forEach(sortable);
  const charts = [...document.querySelectorAll(".chart")].map((figure) => new Chart(figure));
  addEventListener("hashchange", reveal);
  reveal();
})();
