/** What is being typed just before the cursor that can be completed. */
export interface Completing {
  readonly what: 'mention' | 'emoji';
  readonly begin: number;
  readonly prefix: string;
}

const MENTION = /(?:^|[\s(])@([a-z0-9._-]{0,32})$/i;
const EMOJI = /(?:^|[\s(]):([a-z0-9_+-]{2,32})$/i;

export function completingAt(text: string, cursor: number): Completing | null {
  const before = text.slice(Math.max(0, cursor - 40), cursor);
  const mention = MENTION.exec(before);
  if (mention !== null)
    return { what: 'mention', begin: cursor - mention[1]!.length - 1, prefix: mention[1]!.toLowerCase() };
  const emoji = EMOJI.exec(before);
  if (emoji !== null) return { what: 'emoji', begin: cursor - emoji[1]!.length - 1, prefix: emoji[1]!.toLowerCase() };
  return null;
}

/** The text with the completion in its place, and where the cursor stands then. */
export function completed(
  text: string,
  cursor: number,
  { begin }: Completing,
  insert: string,
): { readonly text: string; readonly cursor: number } {
  return { text: `${text.slice(0, begin)}${insert} ${text.slice(cursor)}`, cursor: begin + insert.length + 1 };
}
