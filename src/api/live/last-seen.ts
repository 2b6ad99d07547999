import type { AccountId } from '../../protocol/ids.ts';

/** When accounts were last seen, for as many as there is room; the longest gone are forgotten first. */
export class LastSeen {
  readonly #times = new Map<AccountId, number>();
  readonly #accountsMax: number;

  constructor(accountsMax: number) {
    this.#accountsMax = accountsMax;
  }

  note(account: AccountId, seenMs: number): void {
    this.#times.delete(account);
    this.#times.set(account, seenMs);
    if (this.#times.size <= this.#accountsMax) return;
    const [oldest] = this.#times.keys();
    this.#times.delete(oldest!);
  }

  of(account: AccountId): number | null {
    return this.#times.get(account) ?? null;
  }

  entries(): IterableIterator<[AccountId, number]> {
    return this.#times.entries();
  }
}
