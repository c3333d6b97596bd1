// A column of instructions: the program's lane on the left, the kernel's on the right. Only the rows in
// sight are in the document: a call may have thousands.
import { data, depths, isInKernel, isUser, kindOf, note, site } from "./records.js";
import { element, LETTERS, phaseClass } from "./format.js";
import { goTo, onChange, view } from "./view.js";

/** Rows made beyond those in sight. */
const MORE = 8;

/** Fills a column's section. */
export function steps(container, column) {
  const heading = element("h2", {});
  const lanes = element("p", { class: "lanes", "aria-hidden": "true" },
    element("span", {}, "program, ring 3"), element("span", {}, "kernel, ring 0"));
  const rows = element("div", { class: "rows", role: "listbox", tabindex: "0", "aria-label": `Instructions, column ${"AB"[column]}` });
  const sheet = element("div", { class: "sheet", role: "presentation" });
  rows.append(sheet);
  container.append(heading, lanes, rows);

  let shown = null;
  const height = () => parseFloat(getComputedStyle(rows).getPropertyValue("--row")) || 24;
  const render = () => {
    const { journey, step } = view.columns[column];
    const row = height();
    const first = Math.max(0, Math.floor(rows.scrollTop / row) - MORE);
    const last = Math.min(journey.steps.length, Math.ceil((rows.scrollTop + rows.clientHeight) / row) + MORE);
    const made = [];
    for (let at = first; at < last; at++) made.push(rowOf(journey, at, at === step, column, row));
    if (step < first || step >= last) made.push(rowOf(journey, step, true, column, row));
    sheet.replaceChildren(...made);
  };
  rows.addEventListener("scroll", render, { passive: true });
  rows.addEventListener("click", (event) => {
    const at = event.target.closest("[data-step]")?.dataset.step;
    if (at !== undefined) goTo(Number(at), { column });
  });
  rows.addEventListener("focus", () => {
    if (view.active !== column) goTo(view.columns[column].step, { column });
  });
  new ResizeObserver(() => { center(); render(); }).observe(rows);

  function center() {
    const { step } = view.columns[column];
    const row = height();
    const [top, space] = [step * row, rows.clientHeight];
    if (top < rows.scrollTop + space * 0.25 || top + row > rows.scrollTop + space * 0.75) {
      rows.scrollTop = top - (space - row) / 2;
    }
  }

  onChange(() => {
    const { journey, step } = view.columns[column];
    container.classList.toggle("active", view.active === column);
    if (shown !== journey) {
      shown = journey;
      heading.replaceChildren(element("span", { class: "letter" }, "AB"[column]), ` ${journey.title}`);
      sheet.style.height = `${journey.steps.length * height()}px`;
    }
    rows.setAttribute("aria-activedescendant", `step-${column}-${step}`);
    center();
    render();
  });
}

function rowOf(journey, step, isCurrent, column, height) {
  const [, , text] = data.sites[journey.steps[step][0]];
  const kind = kindOf(journey, step);
  const user = isUser(journey, step);
  const crosses = ["hardware-in", "hardware-out"].includes(data.phases[kind][0]) && !isInKernel(journey, step);
  const lane = crosses ? "crosses" : user ? "user" : "kernel";
  const depth = user ? 0 : Math.min(depths(journey)[step], 6);
  const own = functionAt(journey, step);
  const name = step === 0 || own !== functionAt(journey, step - 1) ? shortName(data.functions[own]) : "";
  return element("div", {
    class: `row ${lane} ${phaseClass(kind)}${isCurrent ? " current" : ""}`,
    role: "option", id: `step-${column}-${step}`, "data-step": step, "aria-selected": isCurrent,
    "aria-setsize": journey.steps.length, "aria-posinset": step + 1,
    style: `top:${step * height}px;--depth:${depth}`,
  },
  element("span", { class: "mark", "aria-hidden": "true" }, LETTERS[kind]),
  element("span", { class: "hidden" }, `${step + 1}, ${data.phases[kind][0]}: `),
  element("span", { class: "code" }, crosses ? `${user ? "→" : "←"} ${text}` : text),
  element("span", { class: "name" }, name));
}

/** The number of the source's function at a step: that of a function inlined into another is its own. */
function functionAt(journey, step) {
  const [, , , symbol, , inlined] = data.sites[journey.steps[step][0]];
  return inlined < 0 ? symbol : inlined;
}

/** The last parts of a function's path, without generic arguments. */
export function shortName(name) {
  const plain = name.replace(/<[^<>]*>/g, "").replace(/<[^<>]*>/g, "").replace(/^trident::/, "");
  const parts = plain.split("::").filter(Boolean);
  return parts.slice(-2).join("::") || name;
}

/** Announces the step: for screen readers, and in words. */
export function position(output, slider) {
  onChange(() => {
    const { journey, step } = view.columns[view.active];
    const kind = data.phases[kindOf(journey, step)][0];
    const { text } = site(journey, step);
    const title = note(journey, step)?.[0];
    output.textContent = `${"AB"[view.active]} ${step + 1}/${journey.steps.length} · ${kind}: ${text}${title ? ` · ${title}` : ""}`;
    slider.max = journey.steps.length - 1;
    slider.value = step;
    slider.setAttribute("aria-valuetext", `step ${step + 1} of ${journey.steps.length}, ${kind}: ${text}`);
  });
}
