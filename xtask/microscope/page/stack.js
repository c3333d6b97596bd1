// The stack after a step: the task's kernel stack with the frame's words by name, and the program's.
import { data, numberOf, registersBefore, writes } from "./records.js";
import { element, value } from "./format.js";
import { active, onChange } from "./view.js";
import { goToWrite } from "./registers.js";

/** Words shown below the frame. */
const MOST_BELOW = 12;

/** Draws the stacks. */
export function stack(container) {
  onChange(() => {
    const { journey, step } = active();
    const rsp = BigInt("0x" + registersBefore(journey, step + 1)[numberOf.rsp]);
    const { memory, fresh } = written(journey, step);
    const parts = [element("h2", {}, "Stack after this instruction")];
    parts.push(kernels(journey, rsp, memory, fresh), others(journey, rsp, memory, fresh), programs(rsp, memory, fresh));
    container.replaceChildren(...parts.filter(Boolean));
  });
}

/** The words written up to a step, and those that the step itself wrote. */
function written(journey, step) {
  const memory = new Map();
  const fresh = new Set();
  for (let at = 0; at <= step; at++) {
    for (const { address, value: hex } of writes(journey, at)) {
      memory.set(address, hex);
      if (at === step) fresh.add(address);
    }
  }
  return { memory, fresh };
}

const KERNEL = 1n << 63n;
/** More than a kernel stack's size, less than the distance of two. */
const STACK = 0x8000n;

/** Whether an address is in the stack with this top. */
function isOf(address, top) {
  return address <= top && top - address < STACK;
}

function kernels(journey, rsp, memory, fresh) {
  if (!journey.top) return element("p", {}, "This call never enters the kernel: it has no kernel stack.");
  const top = BigInt("0x" + journey.top);
  const isHere = isOf(rsp, top);
  const names = journey.kernel === "Linux" ? data.frame.slice(0, -1) : data.frame;
  const rows = names.map((name, index) => word(top - 8n * BigInt(index + 1), name, rsp, memory, fresh));
  const end = top - 8n * BigInt(names.length);
  const isNear = isHere && rsp <= end && isOf(rsp, top);
  if (isNear) {
    const below = Number((end - rsp) / 8n);
    if (below > MOST_BELOW) {
      rows.push(element("tr", {}, element("td", { colspan: 3, class: "gap" }, `… ${below - MOST_BELOW} words …`)));
    }
    for (let at = Math.min(below, MOST_BELOW); at > 0; at--) {
      rows.push(word(rsp + 8n * BigInt(at - 1), "", rsp, memory, fresh));
    }
  }
  const caption = `The task's kernel stack, from its top ${value(top.toString(16))} down, in hexadecimal`;
  return element("table", { class: isHere ? "stack here" : "stack" }, element("caption", {}, caption), element("tbody", {}, ...rows));
}

/** After a switch: the stack of another task. */
function others(journey, rsp, memory, fresh) {
  if (rsp < KERNEL || (journey.top && isOf(rsp, BigInt("0x" + journey.top)))) return null;
  const rows = Array.from({ length: MOST_BELOW }, (_, index) => word(rsp + 8n * BigInt(MOST_BELOW - 1 - index), "", rsp, memory, fresh));
  return element("table", { class: "stack here" }, element("caption", {}, "Another task's kernel stack"), element("tbody", {}, ...rows));
}

function programs(rsp, memory, fresh) {
  const isHere = rsp < KERNEL && rsp !== 0n;
  const near = [...memory.keys()].filter((address) => address < KERNEL && isHere && address >= rsp - 64n && address < rsp + 128n);
  near.sort((a, b) => (a > b ? -1 : 1));
  const rows = near.map((address) => word(address, "", rsp, memory, fresh));
  if (isHere && !near.includes(rsp)) rows.push(word(rsp, "", rsp, memory, fresh));
  if (rows.length === 0) return null;
  return element("table", { class: "stack here" }, element("caption", {}, "The program's stack"), element("tbody", {}, ...rows));
}

function word(address, name, rsp, memory, fresh) {
  const hex = memory.get(address);
  // Words below rsp are free, of the stack that rsp is in.
  const isLive = address >= rsp || rsp - address >= STACK;
  const classes = [fresh.has(address) ? "fresh" : "", hex === undefined ? "blank" : isLive ? "live" : "free"];
  const cell = element("td", { class: "value" }, hex === undefined ? "·" : value(hex));
  const row = element("tr", { class: classes.join(" ") },
    element("th", { scope: "row" }, name || `…${address.toString(16).slice(-5)}`), cell,
    element("td", { class: "pointer" }, address === rsp ? "◀ rsp" : ""));
  if (hex !== undefined) {
    row.title = `${value(address.toString(16))}: a click goes to the step that wrote it`;
    row.addEventListener("click", () => goToWrite(address));
  }
  return row;
}
