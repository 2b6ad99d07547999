import { ParleyError } from '../protocol/errors.ts';

/** What was done last, with its answer. */
const REMEMBERED_MAX = 256;

interface Act {
  readonly what: string;
  readonly answer: Promise<unknown>;
}

/**
 * What an operator asks of a node, once for a txnId as long as the process lives: who asks again, also meanwhile, gets
 * the first answer. What failed is forgotten, and may be tried again.
 */
export class ActsOnce {
  readonly #acts = new Map<string, Act>();
  readonly #most: number;

  constructor(most = REMEMBERED_MAX) {
    this.#most = most;
  }

  /**
   * @param key whose txnId, and the txnId; undefined for what is done each time
   * @param what the same for the same request
   * @throws ParleyError `txn_reused` when something else was asked under this key, and what `act` throws
   */
  async once<T>(key: string | undefined, what: string, act: () => Promise<T>): Promise<T> {
    if (key === undefined) return act();
    const known = this.#acts.get(key);
    if (known !== undefined && known.what !== what) throw new ParleyError('txn_reused');
    if (known !== undefined) return (await known.answer) as T;
    const answer = act();
    this.#remember(key, { what, answer });
    try {
      return await answer;
    } catch (error) {
      this.#acts.delete(key);
      throw error;
    }
  }

  #remember(key: string, act: Act): void {
    const [oldest] = this.#acts.keys();
    if (this.#acts.size >= this.#most && oldest !== undefined) this.#acts.delete(oldest);
    this.#acts.set(key, act);
  }
}
