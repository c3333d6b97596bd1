// The records: reads the page's data, and finds the machine's state at any step.

/** A keyframe each so many steps: a state is at most so many steps from one. */
const KEYFRAME = 64;

/** The data as recorded. */
export const data = JSON.parse(document.getElementById("data").textContent);

/** Registers by name. */
export const numberOf = Object.fromEntries(data.registers.map((name, number) => [name, number]));

/** The parts of an entry of `data.sites`. */
export function site(journey, step) {
  const [address, bytes, text, symbol, offset, inlined, file, line, stubFile, stubLine, comment] =
    data.sites[journey.steps[step][0]];
  return {
    address, bytes, text, offset, stubLine,
    line: Math.abs(line),
    // Of the vDSO only the beginning of a function is known.
    isBeginning: line < 0,
    symbol: data.functions[symbol],
    inlined: inlined < 0 ? null : data.functions[inlined],
    file: file < 0 ? null : data.files[file],
    stubFile: stubFile < 0 ? null : data.files[stubFile],
    comment: comment < 0 ? null : data.comments[comment],
  };
}

/** All registers before each 64th step, made once per journey. */
function keyframes(journey) {
  if (journey.frames) return journey.frames;
  const registers = journey.start.slice();
  journey.frames = [];
  journey.steps.forEach(([, changes], step) => {
    if (step % KEYFRAME === 0) journey.frames.push(registers.slice());
    for (let i = 0; i < changes.length; i += 2) registers[changes[i]] = changes[i + 1];
  });
  if (journey.steps.length % KEYFRAME === 0) journey.frames.push(registers.slice());
  return journey.frames;
}

/** All registers before `step`; after the last instruction for the number of steps. */
export function registersBefore(journey, step) {
  const frame = Math.floor(step / KEYFRAME);
  const registers = keyframes(journey)[frame].slice();
  for (let at = frame * KEYFRAME; at < step; at++) {
    const changes = journey.steps[at][1];
    for (let i = 0; i < changes.length; i += 2) registers[changes[i]] = changes[i + 1];
  }
  return registers;
}

/** The numbers of the registers that `step` changes. */
export function changed(journey, step) {
  return journey.steps[step][1].filter((_, i) => i % 2 === 0);
}

/** What `step` wrote: address (BigInt), size, value (hex). */
export function writes(journey, step) {
  const list = journey.steps[step][2] ?? [];
  const found = [];
  for (let i = 0; i < list.length; i += 3) {
    found.push({ address: BigInt("0x" + list[i]), size: list[i + 1], value: list[i + 2] });
  }
  return found;
}

/** Whether `step` is in the program (ring 3). */
export function isUser(journey, step) {
  journey.levels ??= journey.steps.map((_, at) => registersBefore(journey, at)[numberOf.cpl] === "3");
  return journey.levels[step];
}

/** The index into `journey.phases` of a step. */
export function runOf(journey, step) {
  let run = 0;
  while (run + 1 < journey.phases.length && journey.phases[run + 1][1] <= step) run++;
  return run;
}

/** A run of a phase: its kind, first step, number of steps, and which of its kind it is, from 1. */
export function run(journey, index) {
  const [kind, first] = journey.phases[index];
  const end = journey.phases[index + 1]?.[1] ?? journey.steps.length;
  const nth = journey.phases.slice(0, index + 1).filter(([other]) => other === kind).length;
  return { kind, first, count: end - first, nth };
}

/** The phase's number of a step. */
export function kindOf(journey, step) {
  return journey.phases[runOf(journey, step)][0];
}

/** What the phases of the CPU's own steps are if they don't leave the kernel. */
const IN_KERNEL = {
  "hardware-in": "an exception inside the kernel: the CPU stays in ring 0, and on the stack that it is on",
  "hardware-out": "one instruction: the CPU returns from an exception to the kernel's own code",
};

/** Whether a step of the CPU's own, an exception or the return from it, goes from the kernel to the kernel. */
export function isInKernel(journey, step) {
  return data.phases[kindOf(journey, step)][0] in IN_KERNEL && !isUser(journey, step) &&
    registersBefore(journey, step + 1)[numberOf.cpl] === "0";
}

/** What the phase of a step is for. */
export function about(journey, step) {
  const [phase, text] = data.phases[kindOf(journey, step)];
  return isInKernel(journey, step) ? IN_KERNEL[phase] : text;
}

/** Instructions of each phase. */
export function counts(journey) {
  const counts = data.phases.map(() => 0);
  journey.phases.forEach((_, index) => {
    const { kind, count } = run(journey, index);
    counts[kind] += count;
  });
  return counts;
}

/** The note of a step: title, text, manual sections. */
export function note(journey, step) {
  journey.noteOf ??= new Map(journey.notes);
  const number = journey.noteOf.get(step);
  return number === undefined ? null : data.notes[number];
}

/** The depth of calls at each step, from the stack: for indentation. */
export function depths(journey) {
  if (journey.depths) return journey.depths;
  let depth = 0;
  journey.depths = journey.steps.map((_, step) => {
    const own = depth;
    const text = data.sites[journey.steps[step][0]][2];
    if (text.startsWith("call")) depth++;
    else if (text.startsWith("ret")) depth = Math.max(0, depth - 1);
    else if (/^(iret|sysret|syscall|sysenter|int)/.test(text)) depth = 0;
    return own;
  });
  return journey.depths;
}
