// The registers after a step: in a fixed order, so that nothing moves but the marks.
import { changed, data, numberOf, registersBefore, site, writes } from "./records.js";
import { element, flags, value } from "./format.js";
import { active, announce, goTo, onChange, view } from "./view.js";

/** Shows the registers. A click chooses one: then n and p go to its changes. */
export function registers(container) {
  container.append(element("h2", {}, "Registers after this instruction (hexadecimal)"));
  const list = element("dl", { class: "registers" });
  const entry = (term) => {
    const cell = element("dd");
    const own = element("div", {}, element("dt", {}, term), cell);
    list.append(own);
    return { own, cell };
  };
  const rip = entry("rip");
  const entries = data.registers.map((name, number) => {
    const button = element("button", { type: "button", "aria-pressed": "false" }, name);
    button.addEventListener("click", () => {
      view.register = view.register === number ? null : number;
      announce();
    });
    return { button, ...entry(button) };
  });
  container.append(list);

  onChange(() => {
    const { journey, step } = active();
    const [before, after] = [registersBefore(journey, step), registersBefore(journey, step + 1)];
    const next = step + 1 < journey.steps.length ? site(journey, step + 1).address : null;
    rip.cell.textContent = next ? value(next) : "the program's";
    entries.forEach(({ own, cell, button }, number) => {
      const isChanged = before[number] !== after[number];
      own.classList.toggle("changed", isChanged);
      button.setAttribute("aria-pressed", view.register === number);
      cell.replaceChildren(value(after[number]));
      if (number === numberOf.rflags) cell.append(element("small", {}, ` ${flags(after[number])}`));
      if (isChanged) cell.append(element("small", { class: "old" }, ` was ${value(before[number])}`));
    });
  });
}

/** Goes to the next or previous step that changes the chosen register. */
export function goToChange(direction) {
  const { journey, step } = active();
  const number = view.register ?? numberOf.rsp;
  for (let at = step + direction; at >= 0 && at < journey.steps.length; at += direction) {
    if (changed(journey, at).includes(number)) return goTo(at, { isJump: true });
  }
}

/** Goes to the step that gave the chosen register its value. */
export function goToWriter() {
  const { journey, step } = active();
  const number = view.register ?? numberOf.rsp;
  for (let at = step; at >= 0; at--) {
    if (changed(journey, at).includes(number)) return goTo(at, { isJump: true });
  }
}

/** Goes to the step that wrote a word of memory. */
export function goToWrite(address) {
  const { journey, step } = active();
  for (let at = step; at >= 0; at--) {
    if (writes(journey, at).some((write) => write.address === address)) return goTo(at, { isJump: true });
  }
}
