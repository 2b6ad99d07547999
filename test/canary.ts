import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A text as programs, and careless encodings, may write it. */
export function formsOf(word: string): Buffer[] {
  const bytes = Buffer.from(word);
  // Base64 of a text somewhere within another one: three ways it may be cut, without the characters at the seams.
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    return text.slice(4, text.length - 4);
  });
  const texts = [...new Set([word, word.toLowerCase(), encodeURIComponent(word.toLowerCase())])];
  return [
    ...texts.flatMap((text) => [Buffer.from(text), Buffer.from(text, 'utf16le')]),
    ...base64.map((text) => Buffer.from(text)),
    Buffer.from(bytes.toString('hex')),
  ];
}

/** Those of the words that stand in some form in one of the named pieces, and where. */
export function placesIn(
  pieces: Iterable<readonly [where: string, bytes: Buffer]>,
  words: readonly string[],
): string[] {
  const found: string[] = [];
  const wanted = words.flatMap((word) => formsOf(word).map((form) => [word, form] as const));
  for (const [where, bytes] of pieces) {
    for (const [word, form] of wanted) if (bytes.includes(form)) found.push(`${word} in ${where}`);
  }
  return found;
}

/** The same for everything below a folder: names of files, and what they hold. */
export const placesBelow = (folder: string, words: readonly string[]): string[] => placesIn(bytesBelow(folder), words);

function* bytesBelow(folder: string): Generator<readonly [path: string, bytes: Buffer]> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    yield [path, Buffer.from(path)];
    if (!entry.isFile()) continue;
    try {
      yield [path, readFileSync(path)];
    } catch {
      // LevelDB has removed it meanwhile.
    }
  }
}
