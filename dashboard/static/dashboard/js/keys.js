// Keyboard map. Single keys never fire while typing; "g" waits one second for its second key.
// Pages listen to the "key" event for their own letters.
import { $, typing } from './dom.js';
import { openPalette } from './palette.js';
import { share } from './share.js';
import { toggleTheme } from './theme.js';

const places = () => {
  const { home, runs, compare, models, queue } = document.body.dataset;
  return { h: home, r: runs, c: compare, m: models, q: queue };
};
let pressedG = 0;

function single(event) {
  const actions = {
    '/': () => ($('[data-search]') ? $('[data-search]').focus() : openPalette()),
    '?': () => $('#keys').showModal(),
    t: toggleTheme,
    s: share,
    n: () => location.assign(document.body.dataset.newJob),
  };
  const action = actions[event.key];
  if (action) {
    event.preventDefault();
    action();
  } else dispatchEvent(new CustomEvent('key', { detail: event.key }));
}

addEventListener('keydown', (event) => {
  if ((event.metaKey || event.ctrlKey) && event.key === 'k') {
    event.preventDefault();
    openPalette();
    return;
  }
  if (typing(event) || event.metaKey || event.ctrlKey || event.altKey || $('dialog[open]')) return;
  const place = places()[event.key];
  if (place && Date.now() - pressedG < 1000) {
    location.assign(place);
    return;
  }
  if (event.key === 'g') pressedG = Date.now();
  else single(event);
});
