// What stands in a chart's place or under it: a sentence, an error with a second try, the legend.
import { $ } from './dom.js';

export function sentenceBox(text) {
  const box = document.createElement('div');
  box.className = 'empty';
  const p = document.createElement('p');
  p.textContent = text;
  box.append(p);
  return box;
}

export function errorBox(text, tryAgain) {
  const box = sentenceBox(`${text} The rest of the page is still correct.`);
  const again = document.createElement('button');
  again.type = 'button';
  again.className = 'btn sm';
  again.textContent = 'Try again';
  again.addEventListener('click', tryAgain);
  box.setAttribute('role', 'alert');
  box.append(again);
  return box;
}

// A chart that is alone on the screen names its lines, whose names stand elsewhere on the page.
export function legendOf({ body, card }) {
  if (body.legend?.length || document.fullscreenElement !== card) return body.legend ?? [];
  const lines = (body.figure?.data ?? []).filter(({ name, line, yaxis }) => name && line && yaxis !== 'y2');
  return lines.map(({ name, line }) => ({ name, color: line.color, dash: line.dash }));
}

const stroke = (dash) => (!dash || dash === 'solid' ? '' : /^dot$|^2px/.test(dash) ? 'dots' : 'dash');

export function legend(card, entries) {
  $('[data-chart-legend]', card)?.replaceChildren(
    ...entries.map(({ name, color, dash }) => {
      const item = document.createElement('span');
      const line = document.createElement('i');
      line.style.setProperty('--c', color);
      line.className = stroke(dash);
      item.append(line, name);
      return item;
    }),
  );
}
