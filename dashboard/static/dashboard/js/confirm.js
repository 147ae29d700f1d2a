// One question before something that ends work. <form data-confirm="Cancel maml-s0?" data-confirm-text data-confirm-yes
// data-confirm-no> is sent once it is answered; other modules call ask(). Without scripts the form acts at once.
import { $ } from './dom.js';

const dialog = $('#confirm');

// Resolves to true for yes; Escape, a click beside the dialog and the first button mean no.
export function ask({ title, text = '', yes, no }) {
  $('h2', dialog).textContent = title;
  $('p', dialog).textContent = text;
  $('[data-yes]', dialog).textContent = yes;
  $('[data-no]', dialog).textContent = no;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }));
}

dialog.addEventListener('click', (event) => {
  if (event.target === dialog) dialog.close('no');
});

let agreed = null;
document.addEventListener('submit', async (event) => {
  const form = event.target;
  const { confirm: title, confirmText: text, confirmYes: yes, confirmNo: no } = form.dataset;
  if (title === undefined || form === agreed) return;
  event.preventDefault();
  form.dataset.asking = ''; // live refresh leaves the part alone, so that focus returns to this button
  const answer = await ask({ title, text, yes, no });
  delete form.dataset.asking;
  if (!answer) return;
  agreed = form;
  form.requestSubmit(event.submitter);
  agreed = null;
});
