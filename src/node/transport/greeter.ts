import type { NodeName } from '../../protocol/ids.ts';
import type { Clock } from '../ports.ts';

/**
 * When to greet: everybody at the start and again, ever more rarely, until the expected nodes are known; one node
 * whenever it turns out not to know us, but not for each of its frames.
 */

const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 1_000;
const GAP_MS = 10;
const REMEMBERED_MAX = 512;

export interface GreeterOptions {
  readonly clock: Clock;
  readonly expected: readonly NodeName[];
  readonly isKnown: (node: NodeName) => boolean;
  readonly greetEverybody: () => void;
  readonly greet: (node: NodeName, boot: number) => void;
}

export class Greeter {
  readonly #options: GreeterOptions;
  readonly #lastMs = new Map<NodeName | null, number>();
  #retryMs = RETRY_MS_MIN;
  #cancel: (() => void) | null = null;

  constructor(options: GreeterOptions) {
    this.#options = options;
  }

  /** Begins, or begins again after the connection was lost. */
  start(): void {
    this.#retryMs = RETRY_MS_MIN;
    this.#round();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** Somebody is not known and should be. */
  introduce(): void {
    if (this.#mayGreet(null)) this.#options.greetEverybody();
  }

  /** `node` made a frame that is not bound to this process: it does not know it. */
  answer(node: NodeName, boot: number): void {
    if (this.#mayGreet(node)) this.#options.greet(node, boot);
  }

  #round(): void {
    const { clock, expected, isKnown, greetEverybody } = this.#options;
    this.#cancel?.();
    this.#cancel = null;
    if (expected.every(isKnown)) return;
    greetEverybody();
    this.#cancel = clock.after(this.#retryMs, () => {
      this.#round();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  #mayGreet(node: NodeName | null): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const lastMs = this.#lastMs.get(node);
    if (lastMs !== undefined && nowMs - lastMs < GAP_MS) return false;
    if (this.#lastMs.size >= REMEMBERED_MAX) this.#lastMs.clear();
    this.#lastMs.set(node, nowMs);
    return true;
  }
}
