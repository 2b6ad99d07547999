import type { Edit } from '../composer/text-field.ts';

/** Where a key means something: a sheet lies over everything else. */
export type Context = 'everywhere' | 'composer' | 'messages' | 'sheet';

export type EverywhereAction =
  | 'quit'
  | 'suspend'
  | 'redraw'
  | 'help'
  | 'close'
  | 'pickRoom'
  | 'nextRoom'
  | 'previousRoom'
  | 'nextUnread'
  | 'people'
  | 'search'
  | 'pageUp'
  | 'pageDown'
  | 'toNewest';
export type ComposerAction = 'send' | 'newLine' | 'complete' | 'up' | 'down' | Edit;
export type MessageAction =
  | 'up'
  | 'down'
  | 'switchFocus'
  | 'reply'
  | 'edit'
  | 'remove'
  | 'react'
  | 'thread'
  | 'saveFile'
  | 'pin';
export type SheetAction = 'up' | 'down' | 'pick' | Edit;
export type Action = EverywhereAction | ComposerAction | MessageAction | SheetAction;

interface ActionsOf {
  readonly everywhere: EverywhereAction;
  readonly composer: ComposerAction;
  readonly messages: MessageAction;
  readonly sheet: SheetAction;
}

interface BindingIn<C extends Context> {
  readonly context: C;
  /** As `Keyboard` calls them; the first one is shown in the help. */
  readonly keys: readonly string[];
  readonly action: ActionsOf[C];
  /** Empty for what goes without saying. */
  readonly help: string;
}
export type Binding = { readonly [C in Context]: BindingIn<C> }[Context];

export const BINDINGS: readonly Binding[] = [
  { context: 'everywhere', keys: ['f1'], action: 'help', help: 'this sheet' },
  { context: 'everywhere', keys: ['ctrl+k'], action: 'pickRoom', help: 'find a conversation' },
  { context: 'everywhere', keys: ['ctrl+n', 'alt+down'], action: 'nextRoom', help: 'next conversation' },
  { context: 'everywhere', keys: ['ctrl+p', 'alt+up'], action: 'previousRoom', help: 'previous conversation' },
  { context: 'everywhere', keys: ['ctrl+g', 'alt+u'], action: 'nextUnread', help: 'next unread conversation' },
  { context: 'everywhere', keys: ['ctrl+f'], action: 'search', help: 'find messages' },
  { context: 'everywhere', keys: ['ctrl+o'], action: 'people', help: 'find people' },
  { context: 'everywhere', keys: ['page-up'], action: 'pageUp', help: 'older messages' },
  { context: 'everywhere', keys: ['page-down'], action: 'pageDown', help: 'newer messages' },
  { context: 'everywhere', keys: ['ctrl+end', 'alt+g'], action: 'toNewest', help: 'newest message' },
  { context: 'everywhere', keys: ['escape'], action: 'close', help: 'close, or stop replying' },
  { context: 'everywhere', keys: ['ctrl+l'], action: 'redraw', help: 'draw the screen anew' },
  { context: 'everywhere', keys: ['ctrl+z'], action: 'suspend', help: 'back to the shell; fg returns' },
  { context: 'everywhere', keys: ['ctrl+c', 'ctrl+q'], action: 'quit', help: 'leave; drafts and queue are kept' },

  { context: 'composer', keys: ['enter'], action: 'send', help: 'send' },
  { context: 'composer', keys: ['alt+enter', 'shift+enter', 'ctrl+j'], action: 'newLine', help: 'new line' },
  {
    context: 'composer',
    keys: ['tab'],
    action: 'complete',
    help: 'complete @name, :emoji: or /command; else to the messages',
  },
  { context: 'composer', keys: ['up'], action: 'up', help: 'what was sent before' },
  { context: 'composer', keys: ['down'], action: 'down', help: '' },
  { context: 'composer', keys: ['left', 'ctrl+b'], action: 'left', help: '' },
  { context: 'composer', keys: ['right'], action: 'right', help: '' },
  { context: 'composer', keys: ['ctrl+left', 'alt+left', 'alt+b'], action: 'wordLeft', help: '' },
  { context: 'composer', keys: ['ctrl+right', 'alt+right', 'alt+f'], action: 'wordRight', help: '' },
  { context: 'composer', keys: ['home', 'ctrl+a'], action: 'lineStart', help: '' },
  { context: 'composer', keys: ['end', 'ctrl+e'], action: 'lineEnd', help: '' },
  { context: 'composer', keys: ['backspace', 'shift+backspace'], action: 'backspace', help: '' },
  { context: 'composer', keys: ['delete', 'ctrl+d'], action: 'delete', help: '' },
  { context: 'composer', keys: ['ctrl+w', 'alt+backspace'], action: 'deleteWordLeft', help: 'delete a word' },
  { context: 'composer', keys: ['alt+k'], action: 'deleteToLineEnd', help: '' },
  { context: 'composer', keys: ['ctrl+u'], action: 'deleteToLineStart', help: 'delete the line up to here' },

  { context: 'messages', keys: ['up', 'k'], action: 'up', help: 'the message before' },
  { context: 'messages', keys: ['down', 'j'], action: 'down', help: 'the message behind' },
  { context: 'messages', keys: ['tab', 'shift+tab', 'i'], action: 'switchFocus', help: 'back to writing' },
  { context: 'messages', keys: ['r', 'enter'], action: 'reply', help: 'answer it' },
  { context: 'messages', keys: ['t'], action: 'thread', help: 'its thread' },
  { context: 'messages', keys: ['+'], action: 'react', help: 'react to it' },
  { context: 'messages', keys: ['e'], action: 'edit', help: 'edit your own' },
  { context: 'messages', keys: ['d'], action: 'remove', help: 'delete it (twice)' },
  { context: 'messages', keys: ['p'], action: 'pin', help: 'pin it, or unpin it' },
  { context: 'messages', keys: ['s'], action: 'saveFile', help: 'save its file' },

  { context: 'sheet', keys: ['up'], action: 'up', help: '' },
  { context: 'sheet', keys: ['down', 'tab'], action: 'down', help: '' },
  { context: 'sheet', keys: ['enter'], action: 'pick', help: '' },
  { context: 'sheet', keys: ['left'], action: 'left', help: '' },
  { context: 'sheet', keys: ['right'], action: 'right', help: '' },
  { context: 'sheet', keys: ['home'], action: 'lineStart', help: '' },
  { context: 'sheet', keys: ['end'], action: 'lineEnd', help: '' },
  { context: 'sheet', keys: ['backspace'], action: 'backspace', help: '' },
  { context: 'sheet', keys: ['delete'], action: 'delete', help: '' },
  { context: 'sheet', keys: ['ctrl+w'], action: 'deleteWordLeft', help: '' },
];

const TABLE: ReadonlyMap<string, Binding> = new Map(
  BINDINGS.flatMap((binding) => binding.keys.map((key) => [`${binding.context} ${key}`, binding] as const)),
);

/** What a key means in a context, or everywhere. */
export function bindingOf(key: string, context: Exclude<Context, 'everywhere'>): Binding | null {
  return TABLE.get(`${context} ${key}`) ?? TABLE.get(`everywhere ${key}`) ?? null;
}

const SHOWN: Readonly<Record<string, string>> = {
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
  'page-up': 'PgUp',
  'page-down': 'PgDn',
  escape: 'Esc',
};

/** `Ctrl K`, `Alt ↑`. */
export function keyText(key: string): string {
  // The key that adds is no modifier.
  if (key === '+') return key;
  const parts = key.split('+');
  return parts.map((part) => SHOWN[part] ?? part.slice(0, 1).toUpperCase() + part.slice(1)).join(' ');
}
