// Puts the parts together, and maps keys and buttons to them.
import { data } from "./records.js";
import { element } from "./format.js";
import { active, announce, choose, goTo, goToPhase, onChange, view } from "./view.js";
import { follow, keepAddress, show } from "./address.js";
import { strips, table } from "./strip.js";
import { position, steps } from "./steps.js";
import { source, why } from "./source.js";
import { goToChange, goToWriter, registers } from "./registers.js";
import { stack } from "./stack.js";
import { search } from "./search.js";

const byId = (id) => document.getElementById(id);

/** The list of journeys, by groups. */
function chooser(column) {
  const select = byId(`journey-${column}`);
  const groups = new Map();
  for (const journey of data.journeys) {
    if (!groups.has(journey.group)) groups.set(journey.group, element("optgroup", { label: journey.group }));
    groups.get(journey.group).append(element("option", { value: journey.id }, `${journey.title} (${journey.steps.length})`));
  }
  select.append(...groups.values());
  select.addEventListener("change", () => choose(column, data.journeys.find(({ id }) => id === select.value)));
  onChange(() => { select.value = view.columns[column].journey.id; });
}

/** What a key does. Those of the second list can be turned off. */
const ARROWS = {
  ArrowLeft: (event) => goTo(active().step - (event.shiftKey ? 10 : 1)),
  ArrowRight: (event) => goTo(active().step + (event.shiftKey ? 10 : 1)),
  ArrowUp: () => goTo(active().step - 1),
  ArrowDown: () => goTo(active().step + 1),
  PageUp: () => goTo(active().step - 10),
  PageDown: () => goTo(active().step + 10),
  Home: () => goTo(0, { isJump: true }),
  End: () => goTo(Infinity, { isJump: true }),
};
const LETTER_KEYS = {
  "[": () => goToPhase(-1),
  "]": () => goToPhase(1),
  1: () => goTo(view.columns[0].step, { column: 0 }),
  2: () => goTo(view.columns[1].step, { column: 1 }),
  l: () => byId("lock").click(),
  n: () => goToChange(1),
  p: () => goToChange(-1),
  w: () => goToWriter(),
  "/": () => byId("query").focus(),
  "?": () => byId("help-dialog").showModal(),
};

function keys() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || byId("help-dialog").open) return;
    const target = event.target;
    if (event.key === "Escape" && target === byId("query")) {
      target.value = "";
      target.blur();
      announce();
      return;
    }
    // Fields, lists and tabs have keys of their own.
    if (target.matches("input:not([type=checkbox]), select, textarea, [role=tab]")) return;
    const isList = target.matches(".rows, body, html");
    const scrolls = !isList && ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"].includes(event.key);
    const act = scrolls ? null : ARROWS[event.key] ?? (byId("letters").checked ? LETTER_KEYS[event.key] : null);
    if (!act) return;
    event.preventDefault();
    act(event);
  });
}

function buttons() {
  const on = (id, act) => byId(id).addEventListener("click", act);
  on("first", () => goTo(0, { isJump: true }));
  on("last", () => goTo(Infinity, { isJump: true }));
  on("back", () => goTo(active().step - 1));
  on("forward", () => goTo(active().step + 1));
  on("phase-back", () => goToPhase(-1));
  on("phase-forward", () => goToPhase(1));
  on("help", () => byId("help-dialog").showModal());
  byId("slider").addEventListener("input", (event) => goTo(Number(event.target.value)));
  byId("lock").addEventListener("change", (event) => {
    view.isLocked = event.target.checked;
    goTo(active().step);
  });
}

/** The tabs of a narrow window; in a wide one all three panels are in sight. */
function tabs() {
  const list = [...document.querySelectorAll("[role=tab]")];
  const select = (tab, takesFocus) => {
    for (const other of list) {
      const isOwn = other === tab;
      other.setAttribute("aria-selected", isOwn);
      other.tabIndex = isOwn ? 0 : -1;
      byId(other.getAttribute("aria-controls")).classList.toggle("chosen", isOwn);
    }
    if (takesFocus) tab.focus();
  };
  list.forEach((tab, index) => {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (move) select(list.at((index + move) % list.length), true);
    });
  });
  select(list[0]);
}

/** The buttons of a narrow window that say which call is shown, and change it. */
function sides() {
  const buttons = [...document.querySelectorAll(".sides button")];
  buttons.forEach((button, column) => {
    button.addEventListener("click", () => goTo(view.columns[column].step, { column }));
  });
  onChange(() => {
    buttons.forEach((button, column) => {
      button.replaceChildren(element("b", {}, "AB"[column]), ` ${view.columns[column].journey.title}`);
      button.setAttribute("aria-pressed", view.active === column);
    });
  });
}

/** A window of this width has room for the questions. */
const WIDE = 1100;

/** Questions: one that is opened shows its steps. Those about calls that this page lacks (Linux's, where there was none) go. */
function questions() {
  const lengths = new Map(data.journeys.map(({ id, steps }) => [id, steps.length]));
  for (const question of document.querySelectorAll(".questions [data-shows]")) {
    const ids = question.dataset.shows.slice(1).split(",").map((part) => part.split("/")[0]);
    if (!ids.every((id) => lengths.has(id))) {
      question.closest("li").remove();
      continue;
    }
    question.addEventListener("toggle", () => {
      if (question.open) show(question.dataset.shows);
    });
    const more = question.querySelector("#linux-more");
    if (more) more.textContent = lengths.get(ids[1]) - lengths.get(ids[0]);
  }
  try {
    const isFirst = localStorage.getItem("visited") === null;
    localStorage.setItem("visited", "1");
    byId("questions").open = isFirst && innerWidth >= WIDE && !location.hash;
  } catch {
    // Some browsers have no storage for files: the list stays folded.
  }
}

/** Links inside the page: to a part of it, or to steps. */
function links() {
  document.addEventListener("click", (event) => {
    const own = event.target.closest("a[href^='#']");
    if (!own || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const part = byId(own.hash.slice(1));
    if (!part) {
      show(own.hash, Number(own.dataset.column ?? 0));
      return;
    }
    const fold = part.closest("details");
    if (fold) fold.open = true;
    part.tabIndex = -1;
    part.focus({ preventScroll: true });
    part.scrollIntoView({ block: fold ? "center" : "start" });
  });
}

/** Theme: as the system, light, dark. */
function theme() {
  const names = ["", "light", "dark"];
  const button = byId("theme");
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const next = names[(names.indexOf(root.dataset.theme ?? "") + 1) % names.length];
    root.dataset.theme = next;
    button.setAttribute("aria-label", `Theme: ${next || "as the system"}`);
  });
}

for (const column of [0, 1]) {
  chooser(column);
  steps(byId(`steps-${column}`), column);
}
strips(byId("strips"));
table(byId("counts"));
position(byId("position"), byId("slider"));
why(byId("why"));
source(byId("source"));
registers(byId("registers"));
stack(byId("stack"));
search(byId("search"));
keys();
buttons();
tabs();
sides();
theme();
questions();
links();
follow();
announce();
keepAddress();
