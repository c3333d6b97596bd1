// Texts and elements: how values look, and a short way to make elements.

/** Makes an element with attributes and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A 64-bit value in two groups of eight digits, leading zeros left out. */
export function value(hex) {
  return hex.length > 8 ? `${hex.slice(0, -8)}'${hex.slice(-8)}` : hex;
}

/** The flags that are set in rflags. */
export function flags(hex) {
  const names = { 0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF", 14: "NT", 16: "RF", 17: "VM", 18: "AC", 21: "ID" };
  const bits = BigInt("0x" + hex);
  return Object.entries(names).filter(([bit]) => bits >> BigInt(bit) & 1n).map(([, name]) => name).join(" ");
}

/** Words of the page's glossary; the ids there are `word-` and these with hyphens. */
const WORDS = /\b(frame|GS base|MSR|TSS|canonical|vDSO|landing pad)\b/g;

/** A text, with a link to the glossary at the first use of each of its words. */
export function linked(text) {
  const met = new Set();
  return text.split(WORDS).map((part, index) => {
    if (index % 2 === 0 || met.has(part)) return part;
    met.add(part);
    return element("a", { class: "word", href: `#word-${part.toLowerCase().replace(" ", "-")}` }, part);
  });
}

/** A class for a phase: its colour and hatch are in the style. */
export function phaseClass(kind) {
  return `phase-${kind}`;
}

/** A phase's letter, for those who don't see its colour. */
export const LETTERS = ["u", "⇩", "s", "v", "d", "h", "w", "r", "⇧"];
