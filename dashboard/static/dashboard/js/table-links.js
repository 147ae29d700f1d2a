// Links and the filter of the run table keep what scripts alone change of its view: the selection, and how wide its columns
// are, how its charts are zoomed and scaled.
import { $, $$ } from './dom.js';
import * as state from './url-state.js';

const KEPT = ['selected', 'w', 'zoom', 'zoomy', 'logy', 'wide', 'pane', 'rel', 'rx', 'ry']; // in the order of dashboard/table_state.py

const kept = (href) => state.carried(href, KEPT);

// The live refresh asks for the same view, so that what it brings is what stands here.
function mend() {
  for (const link of $$('#runs a[href^="?"]')) link.setAttribute('href', kept(link.getAttribute('href')).search || '?');
  const region = $('#runs[data-live-src]');
  if (!region) return;
  const { pathname, search } = kept(region.dataset.liveSrc);
  region.dataset.liveSrc = pathname + search;
}

// htmx has read a link's address before it was mended.
document.addEventListener('htmx:configRequest', ({ detail }) => {
  if (detail.target?.id !== 'runs') return;
  const { pathname, search } = kept(detail.path);
  detail.path = pathname + search;
});
for (const event of ['htmx:afterSettle', 'refreshed']) document.addEventListener(event, mend);
addEventListener('addresschange', mend);
mend();
