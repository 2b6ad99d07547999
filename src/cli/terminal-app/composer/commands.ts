/** What can be typed into the composer instead of a message. The help sheet and completion are made from this table. */
export interface CommandSpec {
  readonly name: string;
  /** As help shows it. */
  readonly usage: string;
  readonly help: string;
  /** How many words, the last of which takes the rest of the line: [at least, at most]. */
  readonly words: readonly [min: number, max: number];
}

const COMMANDS = [
  { name: 'open', usage: '@NAME | ROOM', help: 'open a conversation', words: [1, 1] },
  { name: 'new', usage: 'NAME [@MEMBER …]', help: 'make an encrypted group', words: [1, 2] },
  { name: 'new-open', usage: 'NAME', help: 'make an open room: NOT encrypted', words: [1, 1] },
  { name: 'rooms', usage: '[WORD]', help: 'find open rooms, and join one', words: [0, 1] },
  { name: 'join', usage: 'LINK', help: 'join by an invitation link', words: [1, 1] },
  { name: 'invite', usage: '', help: 'make a link into this room, good for a week', words: [0, 0] },
  { name: 'add', usage: '@NAME', help: 'add somebody to this room', words: [1, 1] },
  { name: 'members', usage: '', help: 'who is in this room', words: [0, 0] },
  { name: 'leave', usage: '', help: 'leave this room', words: [0, 0] },
  { name: 'people', usage: '[WORD]', help: 'find people', words: [0, 1] },
  { name: 'search', usage: 'WORDS', help: 'find messages on this device', words: [1, 1] },
  { name: 'file', usage: 'PATH', help: 'send a file', words: [1, 1] },
  { name: 'save', usage: 'N [FOLDER]', help: 'save the file of message N', words: [1, 2] },
  { name: 'reply', usage: 'N TEXT', help: 'answer message N', words: [2, 2] },
  { name: 'react', usage: 'N EMOJI', help: 'react to message N, or take it back', words: [2, 2] },
  { name: 'thread', usage: 'N', help: 'show the thread of message N', words: [1, 1] },
  { name: 'me', usage: 'online|away|busy|invisible', help: 'how others see you', words: [1, 1] },
  { name: 'help', usage: '', help: 'this sheet', words: [0, 0] },
  { name: 'quit', usage: '', help: 'leave; drafts and queue are kept', words: [0, 0] },
] as const satisfies readonly CommandSpec[];

export type CommandName = (typeof COMMANDS)[number]['name'];

export const COMMAND_LIST: readonly CommandSpec[] = COMMANDS;

export type Typed =
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'command'; readonly name: CommandName; readonly words: readonly string[] }
  | { readonly is: 'mistake'; readonly why: string };

/** What is in the composer when it is sent. A message that begins with a slash is written with two of them. */
export function typedIn(text: string): Typed {
  if (text.startsWith('//')) return { is: 'text', text: text.slice(1) };
  const match = /^\/([a-z-]*)(?:[ \t]+([\s\S]*))?$/.exec(text.trimEnd());
  if (match === null) return { is: 'text', text };
  const [, name = '', rest = ''] = match;
  const spec = COMMANDS.find((command) => command.name === name);
  if (spec === undefined)
    return { is: 'mistake', why: `There is no /${name}: F1 shows what there is. // begins a text with a slash.` };
  const [min, max] = spec.words;
  const words = wordsIn(rest.trim(), max);
  if (words.length < min || (max === 0 && rest.trim() !== '')) {
    return { is: 'mistake', why: `It goes like this: /${name} ${spec.usage}`.trimEnd() };
  }
  return { is: 'command', name: spec.name, words };
}

function wordsIn(text: string, max: number): string[] {
  const words: string[] = [];
  let rest = text;
  while (rest !== '' && words.length < max) {
    const word = words.length === max - 1 ? rest : /^\S+/.exec(rest)![0];
    words.push(word);
    rest = rest.slice(word.length).trimStart();
  }
  return words;
}
