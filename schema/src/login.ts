/** A login that the server would take, out of a name or an e-mail address; empty when nothing of it is left. */
export function suggestLogin(text: string): string {
  const [local = ''] = text.split('@', 1);
  const plain = local
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .trim()
    .replace(/\s+/g, '.')
    .replace(/[^a-z0-9._-]/g, '')
    .replace(/^[^a-z]+/, '');
  return plain.slice(0, 63);
}
