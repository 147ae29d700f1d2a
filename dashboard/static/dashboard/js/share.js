// Copies the address of exactly this view: a short one where its own is long.
import { post } from './dom.js';
import { toast } from './toast.js';

const LONG = 300; // characters

async function short() {
  if (location.href.length <= LONG) return location.href;
  const address = location.pathname + location.search + location.hash;
  try {
    return (await (await post(document.body.dataset.shorten, { address })).json()).url;
  } catch {
    return location.href; // not a page that has short links, or no answer: the long one does as well
  }
}

export async function share() {
  const link = await short();
  try {
    await navigator.clipboard.writeText(link);
    toast(link === location.href ? 'Link to this exact view copied' : 'Short link to this exact view copied');
  } catch {
    toast(`Copy this link: ${link}`);
  }
}
