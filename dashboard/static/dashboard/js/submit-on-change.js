// A select with data-submit-on-change sends its form; without scripts a button does.
document.addEventListener('change', (event) => {
  const control = event.target.closest('[data-submit-on-change]');
  if (control) control.form.requestSubmit();
});
