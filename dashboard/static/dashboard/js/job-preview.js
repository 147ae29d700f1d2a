// A few episodes as the chosen settings would sample them, from what a worker announced.
import { $, data } from './dom.js';
import { values } from './job-fields.js';
import { drawDrawings } from './preview-drawings.js';
import { drawSinusoids } from './preview-sinusoids.js';
import * as state from './url-state.js';

const MOST_TURNS = 1000; // the announced samples come round long before

// Which of the previews the address asks for.
function asked() {
  const turn = Number(state.get('preview'));
  return Number.isInteger(turn) && turn > 0 ? turn % MOST_TURNS : 0;
}

const kinds = { curves: drawSinusoids, bitmaps: drawDrawings };

export function startPreview(form) {
  const source = document.getElementById('job-samples');
  const box = $('[data-preview]');
  const samples = source && data('job-samples');
  const draw = samples && kinds[samples.kind];
  if (!draw) return;
  box.hidden = false;
  let turn = asked();
  const redraw = () => {
    const settings = values(form);
    const number = (name, fallback) => {
      const value = Number(settings[`spec.episodes.${name}`]);
      return settings[`spec.episodes.${name}`] && Number.isFinite(value) ? value : fallback;
    };
    const { title, note } = draw($('[data-preview-picture]', box), samples, number, turn);
    $('[data-preview-title]', box).textContent = title;
    $('[data-preview-note]', box).textContent = note;
  };
  $('[data-preview-next]', box).addEventListener('click', () => {
    turn = (turn + 1) % MOST_TURNS;
    state.set('preview', turn || '');
    redraw();
  });
  form.addEventListener('input', redraw);
  addEventListener('themechange', redraw);
  redraw();
}
