import { ParleyError } from '../../protocol/errors.ts';
import { ClientAddresses } from '../client-address.ts';
import { Counter } from './counter.ts';
import type { AccountId } from '../../protocol/ids.ts';
import type { ApiLimits } from '../config.ts';

/** One live feed's share of the bounds, held until it is gone. */
export interface FeedPlace {
  /** Once it is known whose it is. @throws ParleyError `rate_limited` when this account may have no further feed */
  readonly assign: (account: AccountId) => void;
  /** May be called again. */
  readonly release: () => void;
}

type EndFeed = (error: ParleyError) => void;

/** How many live feeds there are, whatever they are carried by: WebSockets and server-sent events share one bound. */
export class OpenFeeds {
  readonly #limits: Pick<ApiLimits, 'socketsMax' | 'socketsPerAddressMax' | 'socketsPerAccountMax'>;
  readonly #byAddress = new Counter();
  readonly #byAccount = new Counter();
  /** What ends each of them, and whence it comes. */
  readonly #open = new Map<FeedPlace, { readonly address: string; readonly end: EndFeed }>();

  constructor(limits: Pick<ApiLimits, 'socketsMax' | 'socketsPerAddressMax' | 'socketsPerAccountMax'>) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @throws ParleyError `overloaded`, `rate_limited` when there is no place for one more from this address */
  check(address: string): void {
    if (this.#open.size >= this.#limits.socketsMax) throw new ParleyError('overloaded');
    if (this.#byAddress.of(ClientAddresses.limitKey(address)) >= this.#limits.socketsPerAddressMax) {
      throw new ParleyError('rate_limited', 'This address has too many open feeds.');
    }
  }

  /** @param end called when it has to end. @throws ParleyError as `check` */
  open(address: string, end: EndFeed): FeedPlace {
    this.check(address);
    const key = ClientAddresses.limitKey(address);
    this.#byAddress.add(key);
    let owner: AccountId | null = null;
    let held = true;
    const place: FeedPlace = {
      assign: (account) => {
        if (this.#byAccount.of(account) >= this.#limits.socketsPerAccountMax) {
          throw new ParleyError('rate_limited', 'This account has too many open feeds.');
        }
        if (!held || owner !== null) return;
        owner = account;
        this.#byAccount.add(account);
      },
      release: () => {
        if (!held) return;
        held = false;
        this.#open.delete(place);
        this.#byAddress.remove(key);
        if (owner !== null) this.#byAccount.remove(owner);
      },
    };
    this.#open.set(place, { address, end });
    return place;
  }

  /** Ends those from whose address nobody is served any more. */
  end(refusalOf: (address: string) => ParleyError | undefined): void {
    for (const { address, end } of [...this.#open.values()]) {
      const refusal = refusalOf(address);
      if (refusal !== undefined) end(refusal);
    }
  }
}
