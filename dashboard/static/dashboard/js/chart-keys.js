// Charts by keyboard, once one has the focus: arrows move the crosshair, of more than ten lines along the one that stands
// before the others, and up and down to the next; + and - zoom about it, 0 shows everything, Enter enlarges.
import { crosshair, step } from './chart-hover.js';
import { stepAcross, stepAlong } from './chart-lines.js';
import { all, chartOf } from './charts.js';
import { $ } from './dom.js';

const FINE = 1;
const COARSE = 10;

// In units of the axis as it is drawn: powers of ten on a logarithmic one.
function zoom(chart, by) {
  const { xaxis } = chart.el._fullLayout;
  const [first, last] = xaxis.range.map(xaxis.r2l);
  const middle = first + crosshair(chart) * (last - first);
  const range = [first, last].map((end) => xaxis.l2r(middle + (end - middle) * by));
  Plotly.relayout(chart.el, { 'xaxis.range': range });
}

const along = (chart, points) => (chart.layer ? stepAlong(chart, points) : step(all, chart, points));

const acts = {
  ArrowLeft: (chart, points) => along(chart, -points),
  ArrowRight: along,
  '+': (chart) => zoom(chart, 1 / 2),
  '=': (chart) => zoom(chart, 1 / 2),
  '-': (chart) => zoom(chart, 2),
  0: (chart) => Plotly.relayout(chart.el, { 'xaxis.autorange': true, 'yaxis.autorange': true }),
};

// Of few lines all are told of at once: there the page scrolls.
const actsOfMany = {
  ArrowUp: (chart) => stepAcross(chart, -1),
  ArrowDown: (chart) => stepAcross(chart, 1),
};

document.addEventListener('keydown', (event) => {
  const chart = chartOf(event.target);
  if (!chart?.drawn || event.ctrlKey || event.metaKey || event.altKey) return;
  const enlarge = event.key === 'Enter' && $('[data-chart-act="enlarge"]', chart.card);
  const act = chart.zooms && (acts[event.key] ?? (chart.layer && actsOfMany[event.key]));
  if (!enlarge && !act) return;
  event.preventDefault();
  event.stopPropagation();
  if (enlarge) enlarge.click();
  else act(chart, event.shiftKey ? COARSE : FINE);
});
