// A drawing that is wider than its box starts at the version it is about.
import { $ } from './dom.js';

const box = $('.lineage-wrap');
const current = box && $('a[aria-current]', box);
if (current) {
  const [outer, inner] = [box.getBoundingClientRect(), current.getBoundingClientRect()];
  box.scrollLeft = inner.left - outer.left - (outer.width - inner.width) / 2;
}
