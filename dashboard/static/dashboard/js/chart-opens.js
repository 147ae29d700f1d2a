// A click on a point opens what it stands for: <div class="chart" data-opens="/address?episode="> goes to that address
// with the first of the point's customdata, escaped, at its end.
const bound = new WeakSet();

function open(el, points) {
  const id = [].concat(points[0]?.customdata ?? [])[0];
  if (id !== undefined) location.assign(el.dataset.opens + encodeURIComponent(id));
}

// Plotly gives its elements `on` when it first draws: a pointer that goes down comes later.
document.addEventListener(
  'pointerdown',
  ({ target }) => {
    const el = target.closest?.('.chart[data-opens]');
    if (!el?.on || bound.has(el)) return;
    bound.add(el);
    el.on('plotly_click', ({ points }) => open(el, points));
  },
  true,
);
