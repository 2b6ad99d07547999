import type { Writable } from 'node:stream';

/** With no more than this share of the bound waiting, the reader has room for more of what it missed. */
const LOW_WATER_SHARE = 1 / 8;

/**
 * Corks a socket at its first write in a turn of the event loop and uncorks it at the end: everything that one turn
 * writes leaves in one system call.
 */
export class Coalescer {
  readonly #corked = new Set<Writable>();

  write(stream: Writable, bytes: Buffer): void {
    if (!this.#corked.has(stream)) {
      if (this.#corked.size === 0) setImmediate(() => this.#flush());
      this.#corked.add(stream);
      stream.cork();
    }
    stream.write(bytes);
  }

  #flush(): void {
    const streams = [...this.#corked];
    this.#corked.clear();
    for (const stream of streams) stream.uncork();
  }
}

/** What waits for one reader. Bounded: a reader that falls further behind is cut off and resumes by cursor. */
export class SocketQueue {
  readonly #stream: Writable;
  readonly #coalescer: Coalescer;
  readonly #bytesMax: number;
  readonly #onOverflow: () => void;
  readonly #waiting: (() => void)[] = [];
  #closed = false;

  constructor(stream: Writable, coalescer: Coalescer, bytesMax: number, onOverflow: () => void) {
    this.#stream = stream;
    this.#coalescer = coalescer;
    this.#bytesMax = bytesMax;
    this.#onOverflow = onOverflow;
    stream.on('drain', () => this.#wake());
    stream.on('close', () => this.close());
  }

  get bytes(): number {
    return this.#stream.writableLength;
  }

  /** Drops the bytes when the queue is closed or full; being full closes it. */
  write(bytes: Buffer): void {
    if (this.#closed) return;
    if (this.#stream.writableLength + bytes.length > this.#bytesMax) {
      this.close();
      this.#onOverflow();
      return;
    }
    this.#coalescer.write(this.#stream, bytes);
  }

  /** Whether the reader is near enough to be given more of what it missed. Below the stream's mark no drain comes. */
  hasRoom(): boolean {
    const lowWaterBytes = Math.max(this.#bytesMax * LOW_WATER_SHARE, this.#stream.writableHighWaterMark);
    return this.#closed || this.#stream.writableLength <= lowWaterBytes;
  }

  /** Resolves when the reader has taken most of what waits, or will never. */
  drained(): Promise<void> {
    return this.hasRoom() ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Nothing is written any more. What was written before still leaves. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
