import { completingAt } from '../../../client/completion.ts';
import { findEmoji } from '../../../client/emoji-table.ts';
import { COMMAND_LIST } from '../composer/commands.ts';
import type { Field } from '../composer/text-field.ts';

/** So many are offered at a time. */
const OFFERED_MAX = 8;

export interface Offer {
  /** As it is shown. */
  readonly label: string;
  readonly insert: string;
}

export interface Completion {
  /** Where in the text what is completed begins. */
  readonly begin: number;
  readonly offers: readonly Offer[];
}

/** What can be put in the place of what is being typed. @param names of those who may be mentioned */
export function completionOf({ text, cursor }: Field, names: Iterable<string>): Completion | null {
  const command = /^\/([a-z-]*)$/.exec(text.slice(0, cursor));
  if (command !== null) {
    const found = COMMAND_LIST.filter(({ name }) => name.startsWith(command[1]!));
    return offering(
      0,
      found.map(({ name }) => ({ label: `/${name}`, insert: `/${name}` })),
    );
  }
  const what = completingAt(text, cursor);
  if (what === null) return null;
  if (what.what === 'emoji') {
    const found = findEmoji(what.prefix, OFFERED_MAX);
    return offering(
      what.begin,
      found.map(({ emoji, names: [name] }) => ({ label: `${emoji} ${name}`, insert: emoji })),
    );
  }
  const found = [...new Set(names)].filter((name) => name.startsWith(what.prefix)).toSorted();
  return offering(
    what.begin,
    found.map((name) => ({ label: `@${name}`, insert: `@${name}` })),
  );
}

function offering(begin: number, offers: readonly Offer[]): Completion | null {
  return offers.length === 0 ? null : { begin, offers: offers.slice(0, OFFERED_MAX) };
}
