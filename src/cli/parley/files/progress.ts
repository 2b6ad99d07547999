import { bytesText } from '../bytes-text.ts';

const DRAW_EVERY_MS = 100;

/** One line on a terminal that says how far something is, and leaves nothing behind. Nothing where no person looks. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #isShown: boolean;
  readonly #startedAtMs = performance.now();
  #drawnAtMs = 0;
  #first: number | null = null;

  constructor(isWanted: boolean, stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
    this.#isShown = isWanted && stream.isTTY;
  }

  /** @param totalBytes null: nobody knows */
  show(what: string, doneBytes: number, totalBytes: number | null): void {
    const nowMs = performance.now();
    this.#first ??= doneBytes;
    if (!this.#isShown || (nowMs - this.#drawnAtMs < DRAW_EVERY_MS && doneBytes !== totalBytes)) return;
    this.#drawnAtMs = nowMs;
    const seconds = Math.max(0.001, (nowMs - this.#startedAtMs) / 1_000);
    const rate = `${bytesText((doneBytes - this.#first) / seconds)}/s`;
    const share = totalBytes === null ? '' : ` of ${bytesText(totalBytes)} (${percent(doneBytes, totalBytes)} %)`;
    this.#stream.write(`\r\u001B[K${what} ${bytesText(doneBytes)}${share}, ${rate}`);
  }

  end(): void {
    if (this.#isShown && this.#drawnAtMs > 0) this.#stream.write('\r\u001B[K');
  }
}

const percent = (done: number, total: number): number => (total === 0 ? 100 : Math.floor((100 * done) / total));
