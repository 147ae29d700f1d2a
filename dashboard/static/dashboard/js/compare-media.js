// The slider over the steps of media: it says where it is while it moves, and asks when it stays. The blend of
// pictures that lie upon each other follows its own slider at once.
import { move } from './compare-parts.js';
import { $, $$ } from './dom.js';

const stops = (slider) => slider.dataset.steps.split(' ');
const shown = (value) => Number(value).toLocaleString('en-US');

document.addEventListener('input', ({ target }) => {
  if (target.matches('[data-media-slider]')) {
    const text = shown(stops(target)[target.value]);
    target.setAttribute('aria-valuetext', `step ${text}`);
    $('[data-media-step]').textContent = text;
  }
  if (target.matches('[data-media-blend]')) {
    for (const picture of $$('.overlaid', $('#media'))) picture.style.setProperty('--blend', `${target.value}%`);
  }
});

document.addEventListener('change', ({ target }) => {
  if (target.matches('[data-media-slider]')) move('mstep', stops(target)[target.value], ['media']);
});
