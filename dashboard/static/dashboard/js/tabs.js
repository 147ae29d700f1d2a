// Strips of tabs wider than their place: the current tab is in sight, and data-more says on which sides more are hidden.
import { $, $$ } from './dom.js';

const FADE = 40; // as wide as in controls.css
const strips = $$('.tabs');

function hint(strip) {
  const hidden = strip.scrollWidth - strip.clientWidth;
  const more = [strip.scrollLeft > 1 && 'left', strip.scrollLeft < hidden - 1 && 'right'].filter(Boolean);
  if (more.length) strip.dataset.more = more.join(' ');
  else delete strip.dataset.more;
}

// Sideways only: the page itself stays where it is.
function reveal(strip) {
  const tab = $('[aria-current]', strip);
  if (!tab) return;
  const start = tab.offsetLeft - strip.offsetLeft;
  const end = start + tab.offsetWidth;
  if (start - FADE < strip.scrollLeft) strip.scrollLeft = start - FADE;
  else if (end + FADE > strip.scrollLeft + strip.clientWidth) strip.scrollLeft = end + FADE - strip.clientWidth;
}

const sizes = new ResizeObserver((changed) => changed.forEach(({ target }) => hint(target)));
for (const strip of strips) {
  reveal(strip);
  strip.addEventListener('scroll', () => hint(strip), { passive: true });
  sizes.observe(strip);
}
document.addEventListener('refreshed', () => strips.forEach(hint)); // counts in the tabs change their width
