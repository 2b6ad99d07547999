import { draw } from './view/frame.ts';
import { bindingOf } from './keys/bindings.ts';
import { act, contextOf, type } from './actions/act.ts';
import { Chat } from './state/chat.ts';
import { Desk } from './state/desk.ts';
import { TerminalScreen } from './screen/terminal-screen.ts';
import type { ParleyClient } from '../../client/client.ts';
import type { KeyPress } from './keys/keyboard.ts';
import type { ActionWorld } from './actions/action-world.ts';
import type { SheetHost } from './state/sheets.ts';
import type { Drawn } from './view/frame.ts';

/** What changes within it is drawn together. */
const FRAME_MS = 30;
/** "Seen 3 min ago" and the day go on although nothing happens. */
const CLOCK_MS = 30_000;

/** Of time in which the process runs. */
const CONTINUE_AFTER_MS = 300;

export interface AppStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/** The app that has the whole terminal: keys in, frames out, the engine in between. */
export class TerminalApp {
  readonly #screen: TerminalScreen;
  readonly #ending = new AbortController();
  #chat!: Chat;
  #desk!: Desk;
  #host!: SheetHost;
  #drawn: Drawn | null = null;
  #hasBegun = false;
  #failure: { readonly reason: unknown } | null = null;
  #frame: NodeJS.Timeout | null = null;

  private constructor(streams: AppStreams, env: NodeJS.ProcessEnv) {
    const listener = { pressed: (key: KeyPress) => this.#pressed(key), resized: () => this.#draw() };
    this.#screen = new TerminalScreen(listener, streams, env);
  }

  /** @throws ParleyError `unauthenticated` where nobody is enrolled */
  static async open(client: ParleyClient, streams: AppStreams, env: NodeJS.ProcessEnv): Promise<TerminalApp> {
    const app = new TerminalApp(streams, env);
    const changed = (): void => app.#changed();
    app.#chat = await Chat.open(client, {
      changed,
      arrived: changed,
      givenBack: (room, text) => app.#desk.giveBack(room, text),
    });
    app.#desk = new Desk(app.#chat, changed);
    app.#host = {
      chat: app.#chat,
      openRoom: (room) => app.#desk.openRoom(room),
      openTarget: (target) => app.#desk.openTarget(target),
      jumpTo: (room, seq) => app.#desk.jumpTo(room, seq),
      joinOpenRoom: (room) => app.#desk.joinOpenRoom(room),
      changed,
    };
    return app;
  }

  /**
   * Until somebody leaves, or `signal` aborts. Drafts are on disk then, and the terminal is as it was.
   * @throws what `fail` was told
   */
  async run(signal: AbortSignal): Promise<void> {
    const clock = setInterval(() => this.#changed(), CLOCK_MS);
    this.#screen.enter();
    try {
      this.#draw();
      const running = this.#chat.live.run();
      await aborted(AbortSignal.any([signal, this.#ending.signal]));
      if (this.#failure !== null) throw this.#failure.reason;
      await this.#chat.drafts.flush();
      this.#chat.live.stop();
      await running;
    } finally {
      this.#chat.live.stop();
      clearInterval(clock);
      if (this.#frame !== null) clearTimeout(this.#frame);
      this.#screen.leave();
    }
  }

  /** Ends it for a mistake of its own. */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#ending.abort();
  }

  /** As soon as there is one: the conversation where something happened last. */
  #openFirst(): void {
    const [first] = this.#desk.rooms;
    if (this.#hasBegun || first === undefined) return;
    this.#hasBegun = true;
    if (this.#desk.talk === null && this.#desk.sheet === null) this.#desk.openRoom(first.room);
  }

  #changed(): void {
    this.#frame ??= setTimeout(() => this.#draw(), FRAME_MS);
  }

  #draw(): void {
    if (this.#frame !== null) clearTimeout(this.#frame);
    this.#frame = null;
    // The engine may tell of changes before there is anything to draw on.
    if (this.#desk === undefined) return;
    this.#openFirst();
    this.#desk.noteNode();
    this.#drawn = draw(this.#desk, this.#screen.size, Date.now());
    this.#screen.paint(this.#drawn.frame);
    this.#follow(this.#drawn);
  }

  /** Fetches what stands next to what is seen, and tells what was read. */
  #follow({ window }: Drawn): void {
    const { talk } = this.#desk;
    if (talk === null || window === null) return;
    if (window.isAtBegin) talk.older();
    if (!window.isAtEnd) return;
    if (talk.view.isAtNewest) {
      if (talk.thread === null) talk.seen(talk.view.timeline.last);
    } else talk.newer();
  }

  #pressed(key: KeyPress): void {
    void this.#take(key).finally(() => this.#draw());
    this.#draw();
  }

  async #take(key: KeyPress): Promise<void> {
    const context = contextOf(this.#desk);
    // Among the messages letters are keys, unless they mean nothing there.
    const name = key.is === 'key' ? key.name : key.is === 'text' && context === 'messages' ? key.text : null;
    const binding = name === null ? null : bindingOf(name, context);
    if (binding !== null) await act(this.#world(), binding);
    else if (key.is !== 'key') type(this.#desk, key.text);
  }

  #world(): ActionWorld {
    return {
      desk: this.#desk,
      host: this.#host,
      layout: (this.#drawn ?? draw(this.#desk, this.#screen.size, Date.now())).layout,
      quit: () => this.#ending.abort(),
      redraw: () => this.#screen.redraw(),
      suspend: () => this.#suspend(),
    };
  }

  /** Back to the shell, which continues this process when it is wanted again. */
  #suspend(): void {
    if (process.platform === 'win32') return;
    this.#screen.leave();
    const goOn = (): void => {
      process.off('SIGCONT', goOn);
      clearTimeout(timer);
      this.#screen.enter();
      this.#draw();
    };
    process.on('SIGCONT', goOn);
    // Where nobody could continue it, the system does not stop it.
    const timer = setTimeout(goOn, CONTINUE_AFTER_MS);
    process.kill(process.pid, 'SIGTSTP');
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
