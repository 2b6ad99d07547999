/** Longer words are told apart by so many characters. */
const WORD_CHARS_MAX = 40;
/** Of one segment so many beginnings count; none that people write has more. */
const BEGINNINGS_MAX = 64;

/** The language does not matter: dictionaries are chosen by script (UAX #29, and ICU's for scripts without spaces). */
const SEGMENTER = new Intl.Segmenter('und', { granularity: 'word' });
/** Marks that do not make another letter. Those of kana do, and vowel signs of Indic scripts are no diacritics. */
const DIACRITICS = /(?![\u3099\u309A])(?=\p{Diacritic})\p{M}/gu;
/** Where a word may go on as another one: `example.com`, `l’homme`, `snake_case`. */
const JOINT = /[._:'’·]/u;
const WITHOUT_SPACES = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;

/** A place in a text, as `slice` takes it. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** The same for all ways to write a word: without case, diacritics and typographic variants. */
export function foldText(text: string): string {
  const plain = text.normalize('NFKD').replaceAll(DIACRITICS, '');
  // Upper case first: `ß` and `SS` are the same, as are `ı` and `i`.
  return plain.toUpperCase().toLowerCase().replaceAll('ς', 'σ').replaceAll('’', "'");
}

/**
 * The words of a text, folded, each once. In scripts without spaces a word may also begin within what the dictionary
 * takes for one, so that a search does not depend on how it divides a text.
 */
export function wordsOf(text: string): Set<string> {
  const words = new Set<string>();
  for (const { segment } of wordSegments(text))
    for (const begin of beginningsOf(segment)) words.add(wordAt(segment, begin));
  words.delete('');
  return words;
}

/** What a person looks for: words as they were typed, folded, at most `max`. Each is the beginning of a word. */
export function queryWords(query: string, max: number): readonly string[] {
  const words = Array.from(wordSegments(query), ({ segment }) => wordAt(segment, 0));
  return [...new Set(words)].filter((word) => word !== '').slice(0, max);
}

/** Whether each of these is the beginning of one of the words. */
export function haveAll(words: ReadonlySet<string>, wanted: readonly string[]): boolean {
  return wanted.every((beginning) => {
    if (words.has(beginning)) return true;
    for (const word of words) if (word.startsWith(beginning)) return true;
    return false;
  });
}

/** Where in a text words begin with one of these, ascending, without overlaps. */
export function rangesOf(text: string, wanted: readonly string[]): readonly TextRange[] {
  const ranges: TextRange[] = [];
  for (const { segment, index } of wordSegments(text)) {
    let until = 0;
    for (const begin of beginningsOf(segment)) {
      if (begin < until) continue;
      const word = wordAt(segment, begin);
      const found = wanted.filter((beginning) => word.startsWith(beginning)).toSorted((a, b) => b.length - a.length)[0];
      if (found === undefined) continue;
      until = endOf(segment, begin, found.length);
      ranges.push({ start: index + begin, end: index + until });
    }
  }
  return ranges;
}

function* wordSegments(text: string): Generator<{ readonly segment: string; readonly index: number }> {
  for (const { segment, index, isWordLike } of SEGMENTER.segment(text))
    if (isWordLike === true) yield { segment, index };
}

function beginningsOf(segment: string): number[] {
  const isJoined = WITHOUT_SPACES.test(segment);
  const begins = [0];
  let before = '';
  let at = 0;
  for (const char of segment) {
    const isBegin = at > 0 && (isJoined || JOINT.test(before));
    if (isBegin) begins.push(at);
    if (begins.length === BEGINNINGS_MAX) break;
    before = char;
    at += char.length;
  }
  return begins;
}

function wordAt(segment: string, begin: number): string {
  const folded = foldText(segment.slice(begin, begin + WORD_CHARS_MAX));
  return folded.slice(0, WORD_CHARS_MAX);
}

/** Where so many folded characters end, with the marks that stand on the last of them. */
function endOf(segment: string, begin: number, foldedChars: number): number {
  let end = begin;
  for (const char of segment.slice(begin)) {
    const isMark = foldText(char) === '';
    if (!isMark && foldText(segment.slice(begin, end)).length >= foldedChars) break;
    end += char.length;
  }
  return end;
}
