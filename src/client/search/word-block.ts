import { pack, unpack } from '../rows.ts';

/** So many rows hold the words of one block, so that a search reads few of them. */
export const BUCKETS = 16;

/** Words that begin alike, ascending, each with the pages of its block on which it stands. */
export interface WordBucket {
  readonly words: readonly string[];
  /** One bit for each page, at the place of its word. */
  readonly masks: Uint32Array;
}

export const EMPTY_BUCKET: WordBucket = { words: [], masks: new Uint32Array() };

/** All words that begin with a character are in one bucket, so that a beginning is looked up in one place. */
export function bucketOf(word: string): number {
  return Math.imul(word.codePointAt(0) ?? 0, 0x9e3779b1) >>> 28;
}

/** The pages on which a word begins so. */
export function pagesWith({ words, masks }: WordBucket, beginning: string): number {
  let mask = 0;
  for (let at = firstNotBefore(words, beginning); words[at]?.startsWith(beginning) === true; at++) mask |= masks[at]!;
  return mask >>> 0;
}

/**
 * The bucket after pages were read anew.
 * @param pages those pages, as a mask: what was known of them is not so any more
 * @param found the pages on which each word of this bucket stands now, as far as they are among `pages`
 */
export function rewritten(bucket: WordBucket, pages: number, found: ReadonlyMap<string, number>): WordBucket {
  const merged = new Map<string, number>();
  for (const [i, word] of bucket.words.entries()) merged.set(word, (bucket.masks[i]! & ~pages) >>> 0);
  for (const [word, mask] of found) merged.set(word, ((merged.get(word) ?? 0) | mask) >>> 0);
  const rows = [...merged].filter(([, mask]) => mask !== 0).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { words: rows.map(([word]) => word), masks: Uint32Array.from(rows, ([, mask]) => mask) };
}

/** Words hold no line breaks. */
export function encodeBucket({ words, masks }: WordBucket): Uint8Array {
  return pack([words.join('\n'), [...masks]]);
}

export function decodeBucket(bytes: Uint8Array | undefined): WordBucket {
  if (bytes === undefined) return EMPTY_BUCKET;
  const [words, masks] = unpack<[string, number[]]>(bytes);
  return { words: words === '' ? [] : words.split('\n'), masks: Uint32Array.from(masks) };
}

function firstNotBefore(words: readonly string[], wanted: string): number {
  let [low, high] = [0, words.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (words[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
