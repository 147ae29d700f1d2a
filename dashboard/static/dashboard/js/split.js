// Split panes: drag the gutter or use the arrow keys; charts follow the width.
import { $ } from './dom.js';

const LEAST = 300;
const MOST = 760;
const KEPT = 'pane-width';

function setWidth(box, width) {
  const px = Math.round(Math.max(LEAST, Math.min(MOST, width)));
  box.style.setProperty('--pane', `${px}px`);
  $('[data-gutter]', box).setAttribute('aria-valuenow', px);
  try {
    sessionStorage.setItem(KEPT, px);
  } catch {
    // Storage is blocked: the width lasts until the next page.
  }
  dispatchEvent(new Event('resize'));
}

document.addEventListener('pointerdown', (event) => {
  const gutter = event.target.closest('[data-gutter]');
  if (!gutter) return;
  const box = gutter.closest('[data-split]');
  gutter.setPointerCapture(event.pointerId);
  gutter.onpointermove = (move) => setWidth(box, box.getBoundingClientRect().right - move.clientX);
  gutter.onpointerup = () => (gutter.onpointermove = null);
});

document.addEventListener('keydown', (event) => {
  const gutter = event.target.closest('[data-gutter]');
  const by = { ArrowLeft: 24, ArrowRight: -24 }[event.key];
  if (!gutter || !by) return;
  event.preventDefault();
  setWidth(gutter.closest('[data-split]'), Number(gutter.getAttribute('aria-valuenow')) + by);
});

function restore() {
  const kept = Number(sessionStorage.getItem(KEPT));
  const box = $('[data-split]');
  if (kept && box) setWidth(box, kept);
}
restore();
document.addEventListener('htmx:afterSettle', restore);
