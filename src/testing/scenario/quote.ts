const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
]);

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

const quoteCharacter = (character: string): string => {
  const escaped = ESCAPES.get(character);
  if (escaped !== undefined) return escaped;
  const code = character.codePointAt(0)!;
  if (code < 0x80) return code >= 0x20 && code < 0x7f ? character : `\\x${hex(code, 2)}`;
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) return character;
  return code < 0x1_00_00 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
};

/** Bytes as a quoted string with the escapes of Go's `%q`, which scenario files are written in. */
export const quote = (bytes: Uint8Array): string => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `"${Array.from(bytes, (byte) => (byte < 0x80 ? quoteCharacter(String.fromCodePoint(byte)) : `\\x${hex(byte, 2)}`)).join('')}"`;
  }
  return `"${Array.from(text, quoteCharacter).join('')}"`;
};
