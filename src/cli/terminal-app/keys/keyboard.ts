import type { Key } from 'node:readline';

/** Pastes are cut here: far more than a message may have. */
const PASTE_LENGTH_MAX = 256 * 1024;

/** What somebody did at the keyboard. */
export type KeyPress =
  /** As in the table of bindings: `ctrl+k`, `alt+up`, `enter`. */
  | { readonly is: 'key'; readonly name: string }
  /** One letter, as people take it. */
  | { readonly is: 'text'; readonly text: string }
  /** Whatever is in it is text, line breaks and escape sequences too. */
  | { readonly is: 'paste'; readonly text: string };

/** Node calls these otherwise. */
const NAMES: Readonly<Record<string, string>> = {
  return: 'enter',
  enter: 'ctrl+j',
  pageup: 'page-up',
  pagedown: 'page-down',
};
/** What some terminals send for Shift Enter and Alt Enter, which Node has no name for. */
const SEQUENCES: Readonly<Record<string, string>> = {
  '\u001B[13;2u': 'shift+enter',
  '\u001B[27;2;13~': 'shift+enter',
  '\u001B[13;3u': 'alt+enter',
  '\u001B\r': 'alt+enter',
  '\u001B\n': 'alt+enter',
};

/** Makes what Node tells of keys into names and texts, and what is pasted into one piece. */
export class Keyboard {
  readonly #press: (key: KeyPress) => void;
  #paste: string | null = null;

  constructor(press: (key: KeyPress) => void) {
    this.#press = press;
  }

  keypress(text: string | undefined, key: Key): void {
    if (key.name === 'paste-start') this.#paste = '';
    else if (key.name === 'paste-end') this.#endPaste();
    else if (this.#paste !== null) this.#addPasted(key.sequence ?? text ?? '');
    else {
      const press = pressOf(text, key);
      if (press !== null) this.#press(press);
    }
  }

  #addPasted(sequence: string): void {
    if (this.#paste!.length < PASTE_LENGTH_MAX) this.#paste += sequence;
  }

  #endPaste(): void {
    const text = this.#paste;
    this.#paste = null;
    if (text !== null && text !== '') this.#press({ is: 'paste', text: text.replaceAll(/\r\n?/g, '\n') });
  }
}

/** Null for what is no key that this program knows. */
export function pressOf(text: string | undefined, key: Key): KeyPress | null {
  const { sequence = '', name, ctrl = false, meta = false, shift = false } = key;
  const special = SEQUENCES[sequence];
  if (special !== undefined) return { is: 'key', name: special };
  const isText = text !== undefined && text !== '' && !ctrl && !meta && !isControl(text);
  if (isText) return { is: 'text', text };
  // Node says so of sequences that it does not know.
  if (name === undefined || name === 'undefined') return null;
  // Node takes a lone Escape for Alt and nothing.
  if (name === 'escape') return { is: 'key', name };
  const known = NAMES[name] ?? name;
  // A letter with Ctrl has no case; arrows and the like have.
  const isShifted = shift && known.length > 1;
  const modifiers = [ctrl ? 'ctrl+' : '', meta ? 'alt+' : '', isShifted ? 'shift+' : ''].join('');
  return { is: 'key', name: `${modifiers}${known}` };
}

// oxlint-disable-next-line no-control-regex -- They are what this is about.
const isControl = (text: string): boolean => /^[\u0000-\u001F\u007F]/.test(text);
