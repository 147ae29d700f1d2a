// A file that is named like a picture and is none leaves an empty place in the list, not a broken one.
import { $$ } from './dom.js';

const hide = (picture) => picture.classList.add('broken');

document.addEventListener('error', ({ target }) => target.matches?.('img.thumb') && hide(target), true); // does not bubble
$$('img.thumb')
  .filter((picture) => picture.complete && !picture.naturalWidth)
  .forEach(hide);
