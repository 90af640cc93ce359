import type { Manifest } from '@easel/schema/wire/manifest';

/**
 * The user's configuration of git in a new home: commits carry the owner's name, and their address where it is known.
 * Source: git-config(1), "Syntax".
 */
export function gitConfigOf(owner: Manifest['owner']): string {
  const lines = ['[user]', `\tname = ${quoted(owner.name || owner.login)}`];
  if (owner.email) lines.push(`\temail = ${quoted(owner.email)}`);
  return `${lines.join('\n')}\n`;
}

function quoted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a line end would start another setting
  return `"${text.replace(/[\u0000-\u001f\u007f]/g, ' ').replace(/[\\"]/g, '\\$&')}"`;
}
