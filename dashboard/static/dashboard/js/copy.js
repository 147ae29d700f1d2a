// <button data-copy> copies the text of the nearest [data-copy-source].
import { $ } from './dom.js';
import { toast } from './toast.js';

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  const source = $('[data-copy-source]', button.closest('[data-copy-scope], .callout, .card, section') ?? document);
  try {
    await navigator.clipboard.writeText(source.textContent);
    toast('Copied');
  } catch {
    getSelection().selectAllChildren(source);
    toast('Selected: press Ctrl C to copy');
  }
});
