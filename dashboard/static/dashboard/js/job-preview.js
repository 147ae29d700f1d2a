// A few episodes as the chosen settings would sample them, from what a worker announced.
import { $, data } from './dom.js';
import { values } from './job-fields.js';
import { drawDrawings } from './preview-drawings.js';
import { drawSinusoids } from './preview-sinusoids.js';

const kinds = { curves: drawSinusoids, bitmaps: drawDrawings };

export function startPreview(form) {
  const source = document.getElementById('job-samples');
  const box = $('[data-preview]');
  const samples = source && data('job-samples');
  const draw = samples && kinds[samples.kind];
  if (!draw) return;
  box.hidden = false;
  let turn = 0;
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
    turn += 1;
    redraw();
  });
  form.addEventListener('input', redraw);
  addEventListener('themechange', redraw);
  redraw();
}
