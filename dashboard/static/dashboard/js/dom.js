// The few DOM helpers every module shares.
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// True while a key press belongs to a text field.
export const typing = (event) =>
  event.target.isContentEditable ||
  (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !/^(checkbox|radio|range|button)$/.test(event.target.type));

export const csrfToken = () => JSON.parse(document.body.getAttribute('hx-headers'))['X-CSRFToken'];

// Data that the server put into the page with json_script.
export const data = (id) => JSON.parse(document.getElementById(id).textContent);

// POST a form body; rejects with the server's own sentence.
export async function post(url, fields = {}) {
  const body = new URLSearchParams();
  for (const [key, value] of Object.entries(fields)) [].concat(value).forEach((v) => body.append(key, v));
  const answer = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'X-CSRFToken': csrfToken(), Accept: 'application/json' },
  });
  if (!answer.ok) throw new Error(await sentence(answer));
  return answer;
}

// What went wrong, in the words of the one error shape where the server used it.
export async function sentence(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `The server answered ${answer.status}. Nothing was changed.`;
  }
}
