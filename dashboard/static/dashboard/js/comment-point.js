// A click on a curve fills in the form of a comment on a point, while that form is open.
import { $ } from './dom.js';

const form = $('[data-comment]');
const details = form && $('[data-comment-point]', form);

// The point of a click, as the form takes it: only of a single curve drawn against steps.
export function pointOf(chart, event) {
  const url = new URL(chart.dataset.chart, location.origin);
  const keys = url.searchParams.getAll('key');
  const point = event.points?.find((one) => one.data.name && one.data.name !== 'comments');
  if (!point || !keys.length || !Number.isInteger(point.x)) return null;
  const metric = keys.length === 1 ? keys[0] : keys.find((key) => key === point.data.name);
  return metric ? { metric, step: point.x } : null;
}

function take(chart, event) {
  if (!details.open) return;
  const found = pointOf(chart, event);
  if (!found) return;
  form.elements.metric.value = found.metric;
  form.elements.step.value = found.step;
  form.elements.text.focus();
}

// Plotly gives a chart its `on` once it is drawn.
function listen(chart) {
  if (!chart.on || chart.dataset.commentable) return;
  chart.dataset.commentable = 'yes';
  chart.on('plotly_click', (event) => take(chart, event));
}

if (form) {
  document.addEventListener('pointerover', ({ target }) => {
    const chart = target.closest?.('.chart[data-chart]');
    if (chart) listen(chart);
  });
}
