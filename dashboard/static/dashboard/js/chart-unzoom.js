// A double click shows all of an axis again. Plotly counts clicks by when it gets to them, from the first press of a
// series, that of a drag too: on a busy page, or right after a zoom, it misses some. The browser's own count does not.
const DRAGGER = /\b([nsew]+)drag\b/;
const STILL = 8; // px that a click may move, as in Plotly

// Which axes a press is on: both in the plot, one beside it.
function axesAt(target) {
  const [, sides = ''] = DRAGGER.exec(target.getAttribute('class')) ?? [];
  return [/[ew]/.test(sides) && 'xaxis', /[ns]/.test(sides) && 'yaxis'].filter(Boolean);
}

const near = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) < STILL;

// After Plotly, and only where it left the axis zoomed.
function showAll(el, axes) {
  const zoomed = axes.filter((axis) => el.layout?.[axis] && el.layout[axis].autorange !== true);
  if (zoomed.length) Plotly.relayout(el, Object.fromEntries(zoomed.map((axis) => [`${axis}.autorange`, true])));
}

export function watchDoubleClicks(el) {
  el.addEventListener('mousedown', (down) => {
    const axes = axesAt(down.target);
    if (down.detail !== 2 || !axes.length) return;
    addEventListener('mouseup', (up) => near(down, up) && setTimeout(showAll, 0, el, axes), { once: true });
  });
}
