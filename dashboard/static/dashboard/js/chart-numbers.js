// The numbers behind a chart as a table, made from its figure while <details data-chart-numbers> is open.
import { chartOf } from './charts.js';
import { $ } from './dom.js';

const MOST_OF_A_LINE = 100;
const MOST = 2000; // rows of a table

// Texts of figures as Plotly takes them, back to what was meant.
const plain = (text) => String(text ?? '').replaceAll('<br>', ' ').replaceAll('&lt;', '<').replaceAll('&amp;', '&');

const shown = (value) => (typeof value === 'number' ? String(Number(value.toPrecision(7))) : plain(value));

// Both ends of a column and places between them, evenly.
export function places(count, most) {
  if (count <= most) return [...Array(count).keys()];
  return [...Array(most).keys()].map((i) => Math.round((i * (count - 1)) / (most - 1)));
}

const isMissing = (value) => value === null || value === undefined || Number.isNaN(value);

function place(value, { type, tickvals, ticktext } = {}) {
  if (type === 'date') return new Date(value).toISOString().slice(0, 19).replace('T', ' ');
  const named = ticktext ? [...tickvals].findIndex((one) => String(one) === String(value)) : -1;
  return named < 0 ? shown(value) : plain(ticktext[named]);
}

// What the pointer would be told beside the numbers: the lines of the hover text that do not repeat them.
function hoverOf({ text, customdata, hovertemplate = '' }, i) {
  const more = [customdata?.[i] ?? []].flat();
  const named = Array.isArray(text) ? text[i] : text;
  const parts = hovertemplate.split('<extra>')[0].split('<br>').filter((part) => /%{(customdata|text)/.test(part) && !/%{[xyz][:}]/.test(part));
  const filled = parts.map((part) => part.replace(/<\/?b>/g, '').replace(/%{(customdata|text)(?:\[(\d+)\])?}/g, (_, source, at) => shown(source === 'text' ? named : more[at ?? 0])));
  return plain(filled.join(' '));
}

const told = (trace, i) => hoverOf(trace, i) || [trace.customdata?.[i] ?? (Array.isArray(trace.text) ? trace.text[i] : trace.text) ?? []].flat().map(shown).join(' ');

// Along and upwards: of histograms one of the two alone, of pies labels and values.
const columnsOf = ({ x, y, labels, values }) => [x ?? labels ?? [...(y ?? values)].map((_, i) => i), y ?? values ?? []];
const lengthOf = (trace) => Math.max(...columnsOf(trace).map(({ length }) => length));

function rowsOf(trace, layout, most) {
  const { name, orientation, yaxis } = trace;
  const [across, y] = columnsOf(trace);
  return places(lengthOf(trace), most).map((i) => {
    const cells = [place(across[i], layout.xaxis), isMissing(y[i]) || yaxis === 'y2' ? '' : place(y[i], layout.yaxis)];
    return [plain(name), ...(orientation === 'h' ? cells.reverse() : cells), told(trace, i)];
  });
}

// Colours may stand for logarithms, which figures say.
function cellsOf({ x, y, z, customdata, hovertemplate, meta }, layout) {
  const number = (value) => shown(meta?.log10 ? 10 ** value : value);
  const cell = (i, j) => hoverOf({ customdata: customdata?.[i], hovertemplate }, j);
  return z.flatMap((row, i) => [...row].map((value, j) => [place(y[i], layout.yaxis), place(x[j], layout.xaxis), isMissing(value) ? '' : number(value), cell(i, j)]));
}

const titleOf = (axis, otherwise) => plain(axis?.title?.text) || otherwise;

// Columns and rows of a figure, and of how many points they are.
export function tableOf({ data, layout }, { step, value }) {
  const named = data.filter(({ name, z, x, y, values }) => z || (name && (y || x || values)));
  const heat = named.find(({ z }) => z);
  const most = Math.max(2, Math.min(MOST_OF_A_LINE, Math.floor(MOST / Math.max(1, named.length))));
  const all = heat ? cellsOf(heat, layout) : null;
  const rows = heat ? places(all.length, MOST).map((i) => all[i]) : named.flatMap((trace) => rowsOf(trace, layout, most));
  const points = heat ? all.length : named.reduce((sum, trace) => sum + lengthOf(trace), 0);
  const isSideways = named.some(({ orientation }) => orientation === 'h');
  const axes = [titleOf(layout.xaxis, step), titleOf(layout.yaxis, value)];
  const columns = heat ? [axes[1], axes[0], value, 'more'] : ['line', ...(isSideways ? axes.reverse() : axes), 'more'];
  const hasMore = rows.some((row) => row[3]);
  return { columns: hasMore ? columns : columns.slice(0, 3), rows: hasMore ? rows : rows.map((row) => row.slice(0, 3)), points };
}

function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function line([name, ...cells]) {
  const head = element('th', { scope: 'row', title: name }, name);
  head.dataset.chartLine = '';
  return element('tr', {}, head, ...cells.map((cell) => element('td', { className: 'n' }, cell)));
}

function tableElement(title, { columns, rows }) {
  const head = element('tr', {}, ...columns.map((name, i) => element('th', { scope: 'col', className: i ? 'n' : '' }, name)));
  const table = element('table', { className: 'tbl' }, element('thead', {}, head), element('tbody', {}, ...rows.map(line)));
  const box = element('div', { className: 'tbl-wrap tall', tabIndex: 0 }, table);
  box.setAttribute('role', 'group');
  box.setAttribute('aria-label', `Data of ${title}, scrolls`);
  return box;
}

const sentence = (text) => element('p', { className: 'note' }, text);

function parts(chart) {
  if (!chart?.body) return [sentence('The chart is still loading.')];
  if (chart.body.empty) return [sentence(chart.body.empty)];
  const { title } = chart.el.dataset;
  const found = tableOf(chart.body.figure, { step: chart.axis === 'step' && chart.zooms ? 'step' : 'x', value: title });
  if (!found.rows.length) return [sentence('There is no number in this figure.')];
  const left = found.points - found.rows.length;
  const many = (count) => count.toLocaleString('en');
  const thinned = left ? [sentence(`${many(found.rows.length)} of ${many(found.points)} drawn points, evenly chosen. Zoom in for those between them.`)] : [];
  return [tableElement(title, found), ...thinned];
}

// Anew when the figure changes, unless the reader is in the table.
function fill(details) {
  const chart = chartOf($('.chart', details.closest('.chart-card')));
  if (details.contains(document.activeElement) && document.activeElement.tagName !== 'SUMMARY') return;
  details.replaceChildren($('summary', details), ...parts(chart));
}

document.addEventListener(
  'toggle',
  ({ target }) => {
    if (!target.matches?.('[data-chart-numbers]')) return;
    if (target.open) fill(target);
    else target.replaceChildren($('summary', target));
  },
  true,
);
document.addEventListener('drawn', ({ target }) => {
  const details = $('[data-chart-numbers][open]', target.closest('.chart-card') ?? target.parentElement);
  if (details) fill(details);
});
