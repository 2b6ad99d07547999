/** Words of a display name by which it is found. */
const WORDS_MAX = 4;

/** As words are compared: without regard to case, and to how characters are composed. */
export function foldedText(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim().replaceAll(/\s+/gu, ' ');
}

/**
 * A text as it stands in keys, in ASCII: what begins with another text begins with that one's key.
 * @param text well-formed Unicode
 */
export function searchKeyOf(text: string): string {
  // What is left as it is must not be what parts of keys are told apart by.
  return encodeURIComponent(foldedText(text));
}

/** The first words, each with all that follows it, so that several words are found in their order too. */
export function searchKeysOf(displayName: string): readonly string[] {
  const words = foldedText(displayName)
    .split(' ')
    .filter((word) => word !== '');
  return words.slice(0, WORDS_MAX).map((_, i) => encodeURIComponent(words.slice(i).join(' ')));
}
