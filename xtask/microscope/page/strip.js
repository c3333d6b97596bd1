// The strips: a bar for each call, its phases by colour. Phases that both calls have stand one above
// the other, as wide as the longer one, so that what a door needs more is seen at once.
import { about, counts, data, run, runOf } from "./records.js";
import { element, LETTERS, phaseClass } from "./format.js";
import { goTo, onChange, view } from "./view.js";

/** Calls of more runs than this have bars of their own scale. */
const MOST_ALIGNED = 16;

/** The runs of both calls in one order: pairs of indices, -1 where a call has none. */
function align(one, other) {
  const [a, b] = [one.phases.map(([kind]) => kind), other.phases.map(([kind]) => kind)];
  // The longest common subsequence of the kinds.
  const length = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const slots = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) slots.push([i++, j++]);
    else if (j >= b.length || (i < a.length && length[i + 1][j] >= length[i][j + 1])) slots.push([i++, -1]);
    else slots.push([-1, j++]);
  }
  return slots;
}

/** The cells of a column's bar: index of its run (or -1), and the width in steps. */
function cells(column) {
  const [own, other] = [view.columns[column].journey, view.columns[1 - column].journey];
  if (Math.max(own.phases.length, other.phases.length) > MOST_ALIGNED) {
    return own.phases.map((_, index) => ({ index, width: run(own, index).count }));
  }
  const slots = column === 0 ? align(own, other) : align(other, own).map(([a, b]) => [b, a]);
  return slots.map(([index, beside]) => {
    const width = Math.max(index < 0 ? 0 : run(own, index).count, beside < 0 ? 0 : run(other, beside).count);
    return { index, width };
  });
}

/** Draws both strips. */
export function strips(container) {
  const bars = [0, 1].map((column) => {
    const bar = element("div", { class: "bar", "aria-hidden": "true" });
    const title = element("button", { class: "strip-title", type: "button" });
    title.addEventListener("click", () => goTo(view.columns[column].step, { column }));
    const total = element("span", { class: "total" });
    container.append(element("div", { class: "strip", "data-column": column }, title, bar, total));
    scrub(bar, column);
    return { bar, title, total, shown: null };
  });

  onChange(() => {
    const pair = view.columns.map(({ journey }) => journey.id).join();
    bars.forEach((own, column) => {
      const { journey, step } = view.columns[column];
      if (own.shown !== pair) {
        own.shown = pair;
        draw(own.bar, journey, cells(column));
      }
      own.bar.parentElement.classList.toggle("active", view.active === column);
      own.title.textContent = "AB"[column];
      own.title.setAttribute("aria-label", `Column ${"AB"[column]}: ${journey.title}`);
      own.title.setAttribute("aria-pressed", view.active === column);
      own.total.textContent = journey.steps.length.toLocaleString("en");
      place(own.bar, journey, step);
    });
  });
  addEventListener("resize", () => {
    bars.forEach(({ bar }, column) => place(bar, view.columns[column].journey, view.columns[column].step));
  });
}

function draw(bar, journey, cells) {
  bar.replaceChildren(
    ...cells.map(({ index, width }) => {
      if (index < 0) return element("span", { class: "cell empty", style: `flex-grow:${width}` });
      const { kind, first, count } = run(journey, index);
      const fill = element("span", { class: `fill ${phaseClass(kind)}`, style: `width:${(100 * count) / width}%` }, LETTERS[kind]);
      return element("span", {
        class: "cell", "data-run": index, style: `flex-grow:${width}`,
        title: `${data.phases[kind][0]}: ${count} (${about(journey, first)})`,
      }, fill);
    }),
    element("span", { class: "needle" }),
  );
}

/** Puts the needle at a step. */
function place(bar, journey, step) {
  const index = runOf(journey, step);
  const { first, count } = run(journey, index);
  const fill = bar.querySelector(`[data-run="${index}"] .fill`);
  if (!fill) return;
  const [outer, inner] = [bar.getBoundingClientRect(), fill.getBoundingClientRect()];
  const x = inner.left - outer.left + (inner.width * (step - first + 0.5)) / count;
  bar.querySelector(".needle").style.transform = `translateX(${x}px)`;
}

/** Moves by pointer: mouse, pen or finger. */
function scrub(bar, column) {
  const move = (event) => {
    const { journey } = view.columns[column];
    let best = null;
    for (const cell of bar.querySelectorAll("[data-run]")) {
      const box = cell.querySelector(".fill").getBoundingClientRect();
      const distance = Math.max(box.left - event.clientX, 0, event.clientX - box.right);
      if (!best || distance < best.distance) best = { cell, box, distance };
    }
    const { first, count } = run(journey, Number(best.cell.dataset.run));
    const part = Math.max(0, Math.min(0.999, (event.clientX - best.box.left) / best.box.width));
    goTo(first + Math.floor(part * count), { column });
  };
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    move(event);
  });
  bar.addEventListener("pointermove", (event) => {
    if (bar.hasPointerCapture(event.pointerId)) move(event);
  });
}

/** A call's picture, to be kept as a file. */
function still(journey) {
  const address = `data:image/svg+xml,${encodeURIComponent(journey.still)}`;
  return element("figure", { class: "still" },
    element("img", { src: address, alt: `${journey.title}: a box for each instruction, by phase` }),
    element("figcaption", {}, element("a", { href: address, download: `${journey.id}.svg` }, "Save as SVG")));
}

/** The table of counts by phase, for readers who don't see the bars. */
export function table(container) {
  let shown = null;
  onChange(() => {
    const pair = view.columns.map(({ journey }) => journey.id).join();
    if (shown === pair) return;
    shown = pair;
    const [a, b] = view.columns.map(({ journey }) => counts(journey));
    const rows = data.phases.map(([name, about], kind) =>
      element("tr", {},
        element("th", { scope: "row" }, element("span", { class: `key ${phaseClass(kind)}` }, LETTERS[kind]), ` ${name}`),
        element("td", {}, String(a[kind])), element("td", {}, String(b[kind])), element("td", { class: "about" }, about)));
    const sum = (list) => String(list.reduce((total, count) => total + count, 0));
    container.replaceChildren(
      element("h2", {}, "Instructions by phase"),
      element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Instructions by phase" }, element("table", {},
        element("thead", {}, element("tr", {},
          element("th", { scope: "col" }, "phase"),
          ...view.columns.map(({ journey }, column) =>
            element("th", { scope: "col" }, `${"AB"[column]}: ${journey.title}`)),
          element("th", { scope: "col" }, "what it is for"))),
        element("tbody", {}, ...rows),
        element("tfoot", {}, element("tr", {},
          element("th", { scope: "row" }, "all"), element("td", {}, sum(a)), element("td", {}, sum(b)), element("td"))))),
      element("h2", {}, "Pictures"),
      ...[...new Set(view.columns.map(({ journey }) => journey))].map(still));
  });
}
