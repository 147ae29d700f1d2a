// Where lines lie in the plot of a chart, in pixels, from the axes as Plotly has drawn them.
const NO_DASH = /^(solid)?$/;

// A dash as canvases take it: "6px,3px" is [6, 3]; Plotly's word for dots too.
export const strokes = (dash = '') => (NO_DASH.test(dash) ? [] : dash === 'dot' ? [2, 3] : dash.split(',').map(parseFloat));

function linear({ range, r2l, _length: length }) {
  const [first, last] = range.map(r2l);
  return { first, each: length / (last - first) };
}

// On a logarithmic axis a range is in powers of ten, columns are not.
const scaled = ({ type }, value) => (type === 'log' ? Math.log10(value) : value);

export function scaleOf(xaxis, yaxis) {
  const x = linear(xaxis);
  const y = linear(yaxis);
  return {
    across: (value) => (scaled(xaxis, value) - x.first) * x.each,
    down: (value) => yaxis._length - (scaled(yaxis, value) - y.first) * y.each,
    place: (across) => (xaxis.type === 'log' ? 10 ** (x.first + across / x.each) : x.first + across / x.each),
  };
}

// The first place of `column`, which ascends, that is not before `x`.
export function placeOf(column, x) {
  let [low, high] = [0, column.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

// How high a line is at `x`: between its neighbours, or at the nearer one where the other is missing.
function at({ x: column, y }, scales, x) {
  const after = Math.min(placeOf(column, x), column.length - 1);
  const before = Math.max(0, after - 1);
  const i = Math.abs(column[before] - x) < Math.abs(column[after] - x) ? before : after;
  const [from, to] = [scales.down(y[before]), scales.down(y[after])];
  const part = column[after] > column[before] ? (x - column[before]) / (column[after] - column[before]) : 1;
  const between = part >= 0 && part <= 1 ? from + part * (to - from) : NaN;
  return { i, across: scales.across(column[i]), down: scales.down(y[i]), passes: Number.isFinite(between) ? between : scales.down(y[i]) };
}

// The line that passes nearest to a height, in pixels, at `x`; with `height` null the first that is there.
export function nearest(lines, scales, x, height) {
  let best = null;
  for (const line of lines) {
    if (!line.x.length) continue;
    const found = at(line, scales, x);
    const distance = height === null ? 0 : Math.abs(found.passes - height);
    if (Number.isFinite(found.down) && (!best || distance < best.distance)) best = { ...found, line, distance };
  }
  return best;
}
