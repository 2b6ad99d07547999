const NAME_BYTES_MAX = 200;
const FALLBACK = 'file';
/** Names of devices on Windows, whatever stands behind a dot. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
/** What separates, steers a terminal, turns the direction of writing, or means something to some system. */
// oxlint-disable-next-line no-control-regex -- They are what this is about.
const ODD = /[\u0000-\u001F\u007F-\u009F\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF<>:"|?*]/g;

/**
 * A name for a file that somebody else called `name`: no path, nothing hidden, nothing that is more than a name to any
 * system, and short enough for all of them.
 */
export function safeName(name: string): string {
  const last = name.normalize('NFC').split(/[/\\]/).at(-1)!;
  const plain = last
    .replaceAll(ODD, '_')
    .replace(/^[.\s]+/, '_')
    .replace(/[.\s]+$/, '');
  const free = RESERVED.test(plain) ? `_${plain}` : plain;
  return shortened(free === '' || /^_+$/.test(free) ? FALLBACK : free);
}

/** Its beginning and its ending. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return name;
  const dot = name.lastIndexOf('.');
  const ending = dot > 0 && Buffer.byteLength(name.slice(dot)) <= 20 ? name.slice(dot) : '';
  let kept = '';
  for (const character of name) {
    if (Buffer.byteLength(kept + character + ending) > NAME_BYTES_MAX) break;
    kept += character;
  }
  return kept + ending;
}
