import { toast } from 'svelte-sonner';
import { texts } from './texts.ts';

/**
 * Puts text on the clipboard; false, with a toast that says what to do, when the browser does not allow it. Pages that are
 * not served over HTTPS or from this machine have no clipboard API: there a hidden field is selected and copied.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else if (!copyBySelection(text)) throw new Error('copy refused');
    return true;
  } catch {
    toast.error(texts.common.copyFailed);
    return false;
  }
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const field = document.createElement('textarea');
  field.value = text;
  field.setAttribute('readonly', '');
  field.style.position = 'fixed';
  field.style.opacity = '0';
  // Inside an open dialog the focus may not leave it.
  (document.querySelector('[role="dialog"]') ?? document.body).append(field);
  field.select();
  const isDone = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isDone;
}
