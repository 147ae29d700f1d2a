// Places on a chart's axes: as the figure writes them, and as the server counts them.

// In steps, minutes, or seconds since 1970. A moment reads "2026-11-23 15:49:06.1234"; figures are in UTC.
export function counted(axis, place) {
  if (axis !== 'time') return Number(place);
  const [day, time = '00:00'] = String(place).split(/[ T]/);
  return Date.parse(`${day}T${time.replace(/(\.\d{3})\d+$/, '$1')}Z`) / 1000;
}

// What a plotly_relayout event says of the x axis: a range, null for all of it, undefined for nothing.
// On a logarithmic axis the figure's ends are powers of ten.
export function zoomOf(axis, change, { type } = {}) {
  const ends = endsOf('xaxis', change, (end) => (type === 'log' ? 10 ** end : counted(axis, end)));
  return ends && { axis, ...ends };
}

// What it says of the y axis, in values: on a logarithmic one the figure's ends are powers of ten.
export const zoomedHeights = ({ type }, change) => endsOf('yaxis', change, (end) => (type === 'log' ? 10 ** end : Number(end)));

function endsOf(name, change, read) {
  if (change[`${name}.autorange`]) return null;
  const ends = change[`${name}.range`] ?? [change[`${name}.range[0]`], change[`${name}.range[1]`]];
  if (ends.includes(undefined)) return undefined;
  const [first, last] = ends.map(read).sort((a, b) => a - b);
  return { first, last };
}

// The other way: values as the figure's y axis takes them, or null where it has no place for them.
export function heightsOf({ type }, { first, last }) {
  if (type !== 'log') return [first, last];
  return first > 0 ? [Math.log10(first), Math.log10(last)] : null;
}

// The last second that a figure can name, of the year 9999.
const LATEST = 253402300799;

// The other way: a range as a figure takes it, or null for one that the axis has no place for.
export function rangeOf({ axis, first, last }, { type } = {}) {
  if (type === 'log') return heightsOf({ type }, { first, last });
  if (axis !== 'time') return [first, last];
  if (Math.max(Math.abs(first), Math.abs(last)) > LATEST) return null;
  return [first, last].map((end) => new Date(end * 1000).toISOString().replace('Z', ''));
}
