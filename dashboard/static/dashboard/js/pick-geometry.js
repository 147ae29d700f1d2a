// What a drag in a figure of relations means: pure functions, the same for scatter and parallel coordinates.
import { fieldName, quoted } from './filter-text.js';

const DIGITS = 6; // of a limit that a drag gives: finer than pixels are
const short = (number) => String(Number(number.toPrecision(DIGITS)));

// One condition of a filter: a field within a range, or among some of its texts.
function condition({ field, from, to, kinds }) {
  const name = fieldName(field);
  if (!kinds) return `${name} >= ${short(from)} AND ${name} <= ${short(to)}`;
  return kinds.length === 1 ? `${name} = ${quoted(kinds[0])}` : `${name} IN (${kinds.map(quoted).join(', ')})`;
}

// The ranges of a box in a scatter; `kinds` are the texts of an axis that has no numbers, in their order.
export function boxRanges({ x, y }, meta, kinds) {
  const across = kinds ? among(meta.x, x, kinds, (place) => place) : numbers(meta.x, x);
  return [across, numbers(meta.y, y)].filter(Boolean);
}

const numbers = (field, [a, b]) => ({ field, from: Math.min(a, b), to: Math.max(a, b) });

function among(field, [a, b], kinds, heightOf) {
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  const within = kinds.filter((_, place) => heightOf(place) >= low && heightOf(place) <= high);
  return within.length ? { field, kinds: within } : null;
}

// The brushes of parallel axes after a drag over some of them: place of an axis to the heights from 0 to 1.
export function brushed(brushes, { x, y }, count) {
  const [first, last] = [Math.min(...x), Math.max(...x)];
  const next = new Map(brushes);
  for (let place = Math.max(0, Math.ceil(first)); place <= Math.min(count - 1, Math.floor(last)); place += 1) {
    next.set(place, [Math.min(...y), Math.max(...y)]);
  }
  return next;
}

// Whether a line's heights are within every brush.
export const passes = (heights, brushes) =>
  [...brushes].every(([place, [low, high]]) => heights[place] >= low && heights[place] <= high);

// What the brushes say of each axis, in its values.
export function brushRanges(brushes, axes) {
  return [...brushes]
    .map(([place, [low, high]]) => {
      const { field, least, most, kinds } = axes[place];
      const spread = most - least;
      if (kinds.length) return among(field, [low, high], kinds, (at) => (spread ? at / spread : 0.5));
      return { field, from: least + Math.max(0, low) * spread, to: least + Math.min(1, high) * spread };
    })
    .filter(Boolean);
}

// The filter narrowed to these ranges as well.
export function narrowed(text, ranges) {
  const told = ranges.map(condition).join(' AND ');
  if (!text.trim()) return told;
  return / OR /i.test(text) ? `(${text.trim()}) AND ${told}` : `${text.trim()} AND ${told}`;
}
