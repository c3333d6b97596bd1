// The source line of a step, and why the instruction is there.
import { about, changed, data, isUser, kindOf, note, numberOf, registersBefore, site, writes } from "./records.js";
import { element, linked, phaseClass, value } from "./format.js";
import { active, goTo, onChange } from "./view.js";
import { shortName } from "./steps.js";

/** Lines shown above and below the step's. */
const AROUND = 12;

/** Shows the source around the active step. */
export function source(container) {
  onChange(() => {
    const { journey, step } = active();
    const own = site(journey, step);
    const where = own.inlined ? `${shortName(own.inlined)} (inlined in ${shortName(own.symbol)})` : shortName(own.symbol);
    const parts = [element("h2", {}, "Source"), element("p", { class: "where" },
      element("b", {}, where), own.offset !== undefined ? ` +0x${own.offset.toString(16)}` : "")];
    if (own.file) {
      if (own.stubFile && (own.stubFile !== own.file || own.stubLine !== own.line)) {
        parts.push(listing(journey, own.stubFile, own.stubLine, 2, "The stub's line"));
      }
      parts.push(listing(journey, own.file, own.line, AROUND, captionOf(own)));
    } else if (journey.kernel === "Linux" && !isUser(journey, step)) {
      parts.push(element("p", {}, "Linux's symbols come from the running kernel's /proc/kallsyms; it has no source lines."));
    } else if (!isUser(journey, step)) {
      parts.push(element("p", {}, "No source line: the kernel's code, but an instruction that stands for no line (padding, or assembly without line numbers)."));
    } else {
      parts.push(element("p", {}, "No source line: code of the C library, or of Linux's vDSO."));
    }
    container.replaceChildren(...parts);
    const current = container.querySelectorAll("pre.lines");
    for (const pre of current) {
      const line = pre.querySelector(".here");
      if (line) pre.scrollTop = line.offsetTop - pre.clientHeight / 2;
    }
  });
}

function captionOf(own) {
  if (own.isBeginning) return "Its function begins here (the vDSO is built without line numbers)";
  return own.stubFile ? "The instruction's text" : "";
}

function listing(journey, file, line, around, caption) {
  const lines = (file.lines ??= file.t.split("\n"));
  const first = Math.max(0, line - 1 - around);
  const near = lines.slice(first, line + around);
  // What all lines are indented by says nothing, and a narrow window has no room for it.
  const indent = Math.min(...near.filter((text) => text.trim()).map((text) => /^[ \t]*/.exec(text)[0].length));
  const shown = near.map((text, index) => {
    const number = first + index + 1;
    const isHere = number === line;
    const isMet = stepsOf(journey, file, number).length > 0;
    const classes = ["line", isHere ? "here" : "", isMet ? "met" : ""].filter(Boolean);
    return element("span", { class: classes.join(" "), "data-line": isMet ? number : null, "aria-current": isHere ? "true" : null },
      element("span", { class: "number", "aria-hidden": "true" }, String(number).padStart(3)), ` ${text.slice(indent)}\n`);
  });
  const figure = element("figure", {},
    element("figcaption", {}, caption ? `${caption}: ` : "", `${file.p}:${line}`),
    element("pre", { class: "lines", tabindex: "0", "aria-label": `${file.p}, line ${line}` }, ...shown));
  figure.addEventListener("click", (event) => {
    const number = Number(event.target.closest("[data-line]")?.dataset.line);
    const steps = number ? stepsOf(journey, file, number) : [];
    const { step } = active();
    if (steps.length > 0) goTo(steps.find((at) => at > step) ?? steps[0], { isJump: true });
  });
  return figure;
}

/** The steps that a source line has in a call. */
function stepsOf(journey, file, line) {
  if (!journey.lines) {
    journey.lines = new Map();
    const add = (step, own, number) => {
      if (!own) return;
      const key = `${own.p}:${number}`;
      const steps = journey.lines.get(key) ?? [];
      if (steps.at(-1) !== step) journey.lines.set(key, [...steps, step]);
    };
    journey.steps.forEach((_, step) => {
      const own = site(journey, step);
      add(step, own.file, own.line);
      add(step, own.stubFile, own.stubLine);
    });
  }
  return journey.lines.get(`${file.p}:${line}`) ?? [];
}

/** Says what the instruction does, and the state that it leaves. */
export function why(container) {
  onChange(() => {
    const { journey, step } = active();
    const own = site(journey, step);
    const kind = kindOf(journey, step);
    const [phase] = data.phases[kind];
    const found = note(journey, step);
    const parts = [
      element("p", { class: "step" }, element("span", { class: `key ${phaseClass(kind)}` }, phase), " ",
        element("code", {}, own.text), " ", element("span", { class: "bytes" }, own.bytes.replace(/../g, "$& ").trim())),
    ];
    if (found) {
      const [title, text, reference, more] = found;
      parts.push(element("h2", {}, title), element("p", {}, ...linked(text)));
      const shown = data.journeys.find(({ id }) => id === more?.split("/")[0]);
      if (shown) {
        parts.push(element("p", {}, element("a", { href: `#${more}` }, `An example: ${shown.title}`)));
      }
      parts.push(element("p", { class: "reference" }, reference));
    } else if (own.comment) {
      parts.push(element("p", { class: "comment" }, ...linked(own.comment)));
    } else {
      parts.push(element("p", { class: "comment" }, ...linked(`${phase}: ${about(journey, step)}`)));
    }
    const results = writes(journey, step).map((write) => write.value);
    if (own.text.includes("-0x26") || results.includes("ffffffffffffffda")) {
      parts.push(element("p", { class: "comment" }, "-0x26 is -38, -ENOSYS: the result for a number that no call has."));
    }
    parts.push(element("p", { class: "effects" }, element("span", {}, "changes: "), effects(journey, step)));
    parts.push(state(journey, step));
    container.replaceChildren(...parts);
  });
}

/** Where things are after the step: the ring, the stack, the GS base, the return address. */
function state(journey, step) {
  const registers = registersBefore(journey, step + 1);
  const isKernel = (hex) => hex.length === 16 && hex >= "8";
  const at = (name) => registers[numberOf[name]];
  const parts = [
    ["ring", at("cpl")],
    ["stack", at("rsp") === "0" ? "none" : isKernel(at("rsp")) ? "kernel's" : "program's"],
    ["GS base", isKernel(at("gs base")) ? "kernel's" : "program's"],
    ["interrupts", BigInt("0x" + at("rflags")) & 512n ? "on" : "off"],
  ];
  const back = returnAddress(journey);
  if (back && step >= back.from && at("cpl") === "0") parts.push(["return address", places(journey, step, registers, back)]);
  return element("dl", { class: "state" }, ...parts.map(([term, text]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, text))));
}

/** The address where the program goes on after its first entry, and the step of that entry. */
function returnAddress(journey) {
  if (journey.back !== undefined) return journey.back;
  const entry = journey.steps.findIndex((_, step) => isUser(journey, step) && step + 1 < journey.steps.length && !isUser(journey, step + 1));
  journey.back = null;
  if (entry < 0) return null;
  const { address, bytes, text } = site(journey, entry);
  const behind = (BigInt("0x" + address) + BigInt(bytes.length / 2)).toString(16);
  if (text.startsWith("int") || (text === "syscall" && journey.bits === 64)) {
    journey.back = { from: entry, address: behind };
  } else if (text.startsWith("sys")) {
    // 32-bit programs go on at the landing pad in the vDSO.
    const after = journey.steps.findIndex((_, step) => step > entry && isUser(journey, step));
    if (after > 0) journey.back = { from: entry, address: site(journey, after).address, behind, isKnown: true };
  } else {
    // After a fault the same instruction runs again.
    journey.back = { from: entry, address };
  }
  return journey.back;
}

/** Where a value is after a step: registers, and words on the kernel's stack. */
function places(journey, step, registers, { address, behind, isKnown }) {
  const found = [];
  // SYSCALL from 32-bit code leaves the address behind it, though the kernel returns to the landing pad.
  const rcx = registers[numberOf.rcx];
  if (behind !== address && rcx === behind) found.push("rcx (behind SYSCALL; the return is to the landing pad)");
  registers.forEach((hex, number) => {
    if (hex === address && number < numberOf.rflags) found.push(data.registers[number]);
  });
  const memory = new Map();
  for (let at = 0; at <= step; at++) {
    for (const { address: where, value: hex, size } of writes(journey, at)) if (size === 8) memory.set(where, hex);
  }
  for (const [where, hex] of memory) {
    if (hex === address) found.push(wordName(journey, where));
  }
  return found.length > 0 ? found.join(", ") : isKnown ? "not saved: the kernel knows the landing pad's" : "nowhere yet";
}

/** What a step changed, in words. */
function effects(journey, step) {
  const after = registersBefore(journey, step + 1);
  const parts = changed(journey, step).map((number) => `${data.registers[number]} = 0x${value(after[number])}`);
  for (const { address, value: hex } of writes(journey, step)) {
    parts.push(`${wordName(journey, address)} = 0x${value(hex)}`);
  }
  return parts.length > 0 ? parts.join(", ") : "nothing but rip";
}

/** A word of memory: by its name in the frame, or by its address. */
function wordName(journey, address) {
  const slot = journey.top ? Number((BigInt("0x" + journey.top) - address) / 8n) - 1 : -1;
  return data.frame[slot] ? `the frame's ${data.frame[slot]}` : `memory at 0x${value(address.toString(16))}`;
}
