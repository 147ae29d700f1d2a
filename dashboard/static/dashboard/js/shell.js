// What every page has: theme, palette, keys, popovers, segments, toasts, live refresh.
import { $ } from './dom.js';
import './popover.js';
import './segments.js';
import './keys.js';
import './live.js';
import './copy.js';
import './confirm.js';
import './submit-on-change.js';
import './tabs.js';
import { openPalette } from './palette.js';
import { share } from './share.js';
import { toggleTheme } from './theme.js';
import { toast } from './toast.js';

const acts = { palette: openPalette, theme: toggleTheme, share, keys: () => $('#keys').showModal() };

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (button) acts[button.dataset.act]?.();
  if (event.target.id === 'keys') event.target.close();
});

// A failed htmx request says why; the page keeps what it had.
document.addEventListener('htmx:responseError', (event) => {
  const { xhr } = event.detail;
  let text = `The server answered ${xhr.status}. Nothing was changed.`;
  try {
    text = JSON.parse(xhr.responseText).error.message;
  } catch {
    // Not our error shape (a proxy, perhaps): the status has to do.
  }
  toast(text);
});
document.addEventListener('htmx:sendError', () => toast('The server did not answer. What you see is from before.'));
