// Links: `#syscall64-getpid/@save+3` is the fourth step of the phase `save`. Numbers change with each
// build, names don't; `#syscall64-getpid/37` works too: step 37, counted from 1 as the page does. After a
// comma comes column B.
import { data, run, runOf } from "./records.js";
import { alignOther, announce, onChange, view } from "./view.js";

/** The name of a step. */
function nameOf(journey, step) {
  const { kind, first, nth } = run(journey, runOf(journey, step));
  const turn = nth > 1 ? `.${nth}` : "";
  const more = step > first ? `+${step - first}` : "";
  return `@${data.phases[kind][0]}${turn}${more}`;
}

/** The step that a name or number means; 0 for one that this journey lacks. */
function stepOf(journey, name) {
  if (/^\d+$/.test(name)) return Math.max(0, Math.min(Number(name), journey.steps.length) - 1);
  const parts = /^@([a-z-]+?)(?:\.(\d+))?(?:\+(\d+))?$/.exec(name);
  if (!parts) return 0;
  const kind = data.phases.findIndex(([phase]) => phase === parts[1]);
  for (let index = 0; index < journey.phases.length; index++) {
    const candidate = run(journey, index);
    if (candidate.kind === kind && candidate.nth === Number(parts[2] ?? 1)) {
      return candidate.first + Math.min(Number(parts[3] ?? 0), candidate.count - 1);
    }
  }
  return 0;
}

/** The link to what is shown. */
export function link() {
  return "#" + view.columns.map(({ journey, step }) => `${journey.id}/${nameOf(journey, step)}`).join(",");
}

/** Shows what the address says. */
export function follow() {
  const parts = decodeURIComponent(location.hash.slice(1)).split(",").filter(Boolean);
  parts.slice(0, 2).forEach((part, column) => {
    const [id, name = "1"] = part.split("/");
    const journey = data.journeys.find((journey) => journey.id === id);
    if (!journey) return;
    view.columns[column].journey = journey;
    view.columns[column].step = stepOf(journey, name);
  });
  if (parts.length === 0) return;
  view.active = 0;
  // A link to one call is to the same place in the other, too.
  if (parts.length === 1 && view.isLocked) alignOther(0);
}

/** Goes to the steps that a link names, a place in the history; `column` becomes the active one. */
export function show(hash, column = 0) {
  if (location.hash !== hash) history.pushState(null, "", hash);
  follow();
  view.active = column;
  announce();
}

/** Keeps the address and the history. */
export function keepAddress() {
  let timer = 0;
  onChange((isJump) => {
    if (location.hash === link()) return;
    if (isJump) {
      history.pushState(null, "", link());
      return;
    }
    // Browsers limit the rate of changes.
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", link()), 150);
  });
  addEventListener("popstate", () => {
    follow();
    announce();
  });
  document.getElementById("link").addEventListener("click", async (event) => {
    const text = location.href.replace(/#.*/, "") + link();
    history.replaceState(null, "", link());
    const button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // Files have no clipboard in some browsers: the address bar has the link.
      button.textContent = "In the address bar";
    }
    setTimeout(() => { button.textContent = "Copy link"; }, 1500);
  });
}
