import { emitKeypressEvents } from 'node:readline';
import { Keyboard } from '../keys/keyboard.ts';
import { Painter } from './painter.ts';
import { hasColours } from './style.ts';
import type { KeyPress } from '../keys/keyboard.ts';
import type { Interface, Key } from 'node:readline';
import type { Frame } from './painter.ts';

/** A screen of its own, so that what stood there before comes back; no wrapping; pastes are marked as such. */
const ENTER = '\u001B[?1049h\u001B[?7l\u001B[?2004h\u001B[2J\u001B[H';
const LEAVE = '\u001B[0m\u001B[?2004l\u001B[?7h\u001B[?25h\u001B[?1049l';
/** What follows an Escape later than this is no sequence that began with it. Long enough for a slow connection. */
const ESCAPE_MS = 100;
/** Where a terminal tells nothing of itself. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface ScreenListener {
  pressed(key: KeyPress): void;
  resized(): void;
}

/** The terminal of this process while an app has all of it. However it ends, `leave` gives it back as it was. */
export class TerminalScreen {
  readonly #input: NodeJS.ReadStream;
  readonly #output: NodeJS.WriteStream;
  readonly #painter: Painter;
  readonly #listener: ScreenListener;
  readonly #keyboard: Keyboard;
  #isEntered = false;

  constructor(
    listener: ScreenListener,
    streams: { readonly input: NodeJS.ReadStream; readonly output: NodeJS.WriteStream },
    env: NodeJS.ProcessEnv,
  ) {
    this.#input = streams.input;
    this.#output = streams.output;
    this.#listener = listener;
    this.#painter = new Painter(hasColours(env));
    this.#keyboard = new Keyboard((key) => listener.pressed(key));
  }

  get size(): Size {
    const { columns, rows } = this.#output;
    return { columns: columns || DEFAULT_SIZE.columns, rows: rows || DEFAULT_SIZE.rows };
  }

  enter(): void {
    if (this.#isEntered) return;
    this.#isEntered = true;
    // Of an interface Node reads nothing but this here.
    emitKeypressEvents(this.#input, { escapeCodeTimeout: ESCAPE_MS } as unknown as Interface);
    this.#input.setRawMode(true);
    this.#input.on('keypress', this.#keypress);
    this.#output.on('resize', this.#resize);
    process.on('exit', this.#exit);
    this.#input.resume();
    this.#painter.forget();
    this.#output.write(ENTER);
  }

  leave(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    this.#input.off('keypress', this.#keypress);
    this.#output.off('resize', this.#resize);
    process.off('exit', this.#exit);
    this.#output.write(LEAVE);
    try {
      this.#input.setRawMode(false);
    } catch {
      // A terminal that is gone has no mode.
    }
    this.#input.pause();
  }

  paint(frame: Frame): void {
    if (!this.#isEntered) return;
    const text = this.#painter.paint(frame);
    if (text !== '') this.#output.write(text);
  }

  /** Somebody else has written on it. */
  redraw(): void {
    this.#painter.forget();
    if (this.#isEntered) this.#output.write('\u001B[2J');
  }

  readonly #keypress = (text: string | undefined, key: Key): void => this.#keyboard.keypress(text, key);

  readonly #resize = (): void => {
    this.redraw();
    this.#listener.resized();
  };

  readonly #exit = (): void => this.leave();
}
