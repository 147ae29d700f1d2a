// Figures name tokens, never colours: "var(--run-1)", or with an alpha "var(--run-1/0.2)" or "var(--run-1/--chart-band)".
const TOKEN = /^var\((--[\w-]+)(?:\/([\w.-]+))?\)$/;

function rgba(hex, alpha) {
  const n = parseInt(hex.slice(1), 16);
  return `rgba(${n >> 16},${(n >> 8) & 255},${n & 255},${alpha})`;
}

// A copy of `value` with every token replaced by what `css(name)` says it is now.
export function resolve(value, css) {
  if (typeof value === 'string') {
    const found = TOKEN.exec(value);
    if (!found) return value;
    const [, name, alpha] = found;
    const color = css(name);
    if (alpha === undefined) return color;
    return rgba(color, alpha.startsWith('--') ? css(alpha) : alpha);
  }
  if (Array.isArray(value)) {
    // Points are numbers: only arrays that may hold tokens or objects are walked, such as [0.2, "var(--seq-1)"].
    const ends = [value[0], value[value.length - 1]];
    return ends.every((end) => typeof end === 'number') ? value : value.map((v) => resolve(v, css));
  }
  if (value && typeof value === 'object' && !ArrayBuffer.isView(value)) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolve(v, css)]));
  }
  return value;
}

export function tokens() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(name).trim();
}
