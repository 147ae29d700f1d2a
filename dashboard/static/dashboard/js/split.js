// Split panes: drag the gutter or use the arrow keys; charts follow the width, which is in the address.
import { $ } from './dom.js';
import * as state from './url-state.js';

const LEAST = 300;
const MOST = 760;
const KEPT = 'pane';

function setWidth(box, width) {
  const px = Math.round(Math.max(LEAST, Math.min(MOST, width)));
  box.style.setProperty('--pane', `${px}px`);
  $('[data-gutter]', box).setAttribute('aria-valuenow', px);
  dispatchEvent(new Event('resize'));
}

const keep = (gutter) => state.set(KEPT, gutter.getAttribute('aria-valuenow'));

document.addEventListener('pointerdown', (event) => {
  const gutter = event.target.closest('[data-gutter]');
  if (!gutter) return;
  const box = gutter.closest('[data-split]');
  gutter.setPointerCapture(event.pointerId);
  gutter.onpointermove = (move) => setWidth(box, box.getBoundingClientRect().right - move.clientX);
  gutter.onpointerup = () => {
    gutter.onpointermove = null;
    keep(gutter);
  };
});

document.addEventListener('keydown', (event) => {
  const gutter = event.target.closest('[data-gutter]');
  const by = { ArrowLeft: 24, ArrowRight: -24 }[event.key];
  if (!gutter || !by) return;
  event.preventDefault();
  setWidth(gutter.closest('[data-split]'), Number(gutter.getAttribute('aria-valuenow')) + by);
  keep(gutter);
});

function restore() {
  const kept = Number(state.get(KEPT));
  const box = $('[data-split]');
  if (kept && box) setWidth(box, kept);
}
restore();
document.addEventListener('htmx:afterSettle', restore);
