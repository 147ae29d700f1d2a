// Figures as they arrive: columns are typed arrays in base64, and a trace may have the x of an earlier one.
const TYPES = { i4: Int32Array, f4: Float32Array, f8: Float64Array };

function unpacked({ dtype, bdata }) {
  const text = atob(bdata);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return new TYPES[dtype](bytes.buffer);
}

const short = (value) => Number(value.toPrecision(4)).toLocaleString('en', { maximumSignificantDigits: 4 });

// A mean over runs has in `customdata` over how many, and in `spread` the ends of its band where it has one.
const isMean = ({ customdata, meta }) => typeof customdata?.[0] === 'number' && meta !== undefined;

function toldOf({ customdata, spread }) {
  const [low, high] = spread ? spread.map(unpacked) : [];
  return customdata.map((n, i) => (low && Number.isFinite(low[i]) ? `[${short(low[i])}, ${short(high[i])}] N = ${n}` : `N = ${n}`));
}

// The same figure with arrays, which Plotly and our own scripts read.
export function unpackedFigure(figure) {
  for (const trace of figure?.data ?? []) {
    if (trace.x?.bdata !== undefined) trace.x = unpacked(trace.x);
    else if (trace.x?.same !== undefined) trace.x = figure.data[trace.x.same].x;
    if (trace.y?.bdata !== undefined) trace.y = unpacked(trace.y);
    if (isMean(trace)) trace.customdata = toldOf(trace);
    delete trace.spread;
  }
  return figure;
}

// One number of a column as text: of a short float no more digits than it has.
export function written(column, i) {
  const value = column[i];
  if (value === null || Number.isNaN(value)) return '';
  return column instanceof Float32Array ? String(Number(value.toPrecision(7))) : value;
}
