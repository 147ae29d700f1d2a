// Copies the address of exactly this view.
import { toast } from './toast.js';

export async function share() {
  try {
    await navigator.clipboard.writeText(location.href);
    toast('Link to this exact view copied');
  } catch {
    toast(`Copy this link: ${location.href}`);
  }
}
