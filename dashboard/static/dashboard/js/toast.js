// Short messages in the corner. With `undo`, the button calls it within 8 seconds.
import { $ } from './dom.js';

export function toast(text, undo = null) {
  const box = document.createElement('div');
  box.className = 'toast';
  box.setAttribute('role', 'status');
  box.append(text);
  if (undo) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Undo';
    button.addEventListener('click', () => {
      box.remove();
      undo();
    });
    box.append(button);
  }
  $('.toasts').append(box);
  setTimeout(() => box.remove(), undo ? 8000 : 4500);
}
