import { ParleyError } from '../protocol/errors.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { ApiLimits } from './config.ts';

/** Files that are being read from this node: each takes memory while it lasts. */
export class Downloads {
  readonly #limits: Pick<ApiLimits, 'downloadsMax' | 'downloadsPerAccountMax'>;
  readonly #byAccount = new Map<AccountId, number>();
  #count = 0;

  constructor(limits: Pick<ApiLimits, 'downloadsMax' | 'downloadsPerAccountMax'>) {
    this.#limits = limits;
  }

  /**
   * @returns what ends it; further calls do nothing
   * @throws ParleyError `overloaded`, `rate_limited`
   */
  begin(account: AccountId): () => void {
    const own = this.#byAccount.get(account) ?? 0;
    if (own >= this.#limits.downloadsPerAccountMax) {
      throw new ParleyError('rate_limited', 'Too many files at the same time: wait for one to end.');
    }
    if (this.#count >= this.#limits.downloadsMax) throw new ParleyError('overloaded');
    this.#count += 1;
    this.#byAccount.set(account, own + 1);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#count -= 1;
      const left = this.#byAccount.get(account)! - 1;
      if (left === 0) this.#byAccount.delete(account);
      else this.#byAccount.set(account, left);
    };
  }
}
