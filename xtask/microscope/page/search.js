// Search in the active call: instructions, functions, files, registers that change.
import { changed, data } from "./records.js";
import { active, goTo, onChange } from "./view.js";

/** The steps that a text is found at. */
export function find(journey, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const register = data.registers.indexOf(wanted);
  return journey.steps.flatMap(([number], step) => {
    const [address, , instruction, symbol, , inlined, file] = data.sites[number];
    const texts = [instruction, data.functions[symbol], inlined < 0 ? "" : data.functions[inlined], file < 0 ? "" : data.files[file].p, address];
    const isFound = texts.some((part) => part.toLowerCase().includes(wanted));
    return isFound || (register >= 0 && changed(journey, step).includes(register)) ? [step] : [];
  });
}

/** The search field: Enter goes to the next step found, Shift+Enter to the one before. */
export function search(form) {
  const [field, output] = [form.querySelector("input"), form.querySelector("output")];
  const go = (direction) => {
    const { journey, step } = active();
    const found = find(journey, field.value);
    if (found.length === 0) return;
    const next = direction > 0 ? found.find((at) => at > step) ?? found[0] : found.findLast((at) => at < step) ?? found.at(-1);
    goTo(next, { isJump: true });
  };
  const say = () => {
    const { journey, step } = active();
    const found = find(journey, field.value);
    if (!field.value.trim()) output.textContent = "";
    else if (found.length === 0) output.textContent = "not in this call";
    else {
      const at = found.indexOf(step);
      output.textContent = at < 0 ? `${found.length} found: Enter goes there` : `${at + 1} of ${found.length}`;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(1);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      go(-1);
    }
  });
  field.addEventListener("input", say);
  onChange(say);
}
