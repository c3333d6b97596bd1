// What is shown: two columns with a journey and a step each. Parts of the page listen for changes.
import { data, run, runOf } from "./records.js";

const listeners = [];

/** The state of the page. */
export const view = {
  columns: [
    { journey: data.journeys[0], step: 0 },
    { journey: data.journeys[1] ?? data.journeys[0], step: 0 },
  ],
  active: 0,
  isLocked: true,
  /** The chosen register's number, or null. */
  register: null,
};

/** Calls `listener` after each change. */
export function onChange(listener) {
  listeners.push(listener);
}

/** Tells all parts of a change. `isJump`: the change is worth a place in the browser's history. */
export function announce(isJump = false) {
  for (const listener of listeners) listener(isJump);
}

/** The column that keys move. */
export function active() {
  return view.columns[view.active];
}

function clamp(journey, step) {
  return Math.max(0, Math.min(journey.steps.length - 1, step));
}

/** The step of `other` that stands beside `step` of `journey`: in the same phase, as far in. */
function beside(journey, step, other) {
  const { kind, first, nth } = run(journey, runOf(journey, step));
  let best = 0;
  for (let index = 0; index < other.phases.length; index++) {
    const candidate = run(other, index);
    if (candidate.kind === kind) best = index;
    if (candidate.kind === kind && candidate.nth === nth) break;
    // A phase that the other call lacks: the last one before it.
    if (candidate.kind < kind && nth === 1 && run(other, best).kind !== kind) best = index;
  }
  const found = run(other, best);
  if (found.kind !== kind) return found.first + found.count - 1;
  return found.first + Math.min(step - first, found.count - 1);
}

/** Goes to a step of a column; the other follows if they are locked. */
export function goTo(step, { column = view.active, isJump = false } = {}) {
  view.active = column;
  const own = view.columns[column];
  own.step = clamp(own.journey, step);
  if (view.isLocked) alignOther(column);
  announce(isJump);
}

/** Puts the other column to the place beside that of `column`. */
export function alignOther(column) {
  const [own, other] = [view.columns[column], view.columns[1 - column]];
  other.step = clamp(other.journey, beside(own.journey, own.step, other.journey));
}

/** Moves by phases: to the start of the next one, of this one, or of the one before. */
export function goToPhase(direction) {
  const { journey, step } = active();
  const index = runOf(journey, step);
  const { first } = run(journey, index);
  if (direction < 0 && step > first) return goTo(first, { isJump: true });
  const next = Math.max(0, Math.min(journey.phases.length - 1, index + direction));
  return goTo(run(journey, next).first, { isJump: true });
}

/** Shows another journey in a column. */
export function choose(column, journey) {
  const own = view.columns[column];
  own.journey = journey;
  own.step = 0;
  const other = view.columns[1 - column];
  if (view.isLocked) own.step = clamp(journey, beside(other.journey, other.step, journey));
  view.active = column;
  announce(true);
}
