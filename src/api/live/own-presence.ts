import { LastSeen } from './last-seen.ts';
import { isSeen, strongest } from './presence-row.ts';
import type { PresenceChoiceT } from '../../protocol/http/presence.ts';
import type { AccountId } from '../../protocol/ids.ts';
import type { PresenceRow } from './presence-row.ts';

/** One live feed's part in the presence of its account. */
export interface OwnFeed {
  choose(status: PresenceChoiceT): void;
  /** May be called again. */
  close(): void;
}

interface OwnAccount {
  readonly feeds: Map<OwnFeed, PresenceChoiceT>;
  status: PresenceChoiceT;
  /** Set while no feed is open: from then on it is gone, unless it comes back. */
  goneAtMs: number | null;
}

export interface OwnPresenceOptions {
  /** So long an account may be without feed before it counts as gone: whoever reconnects never was. */
  readonly lingerMs: number;
  readonly lastSeenMax: number;
  readonly monotonicMs: () => number;
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
  readonly onChange: (account: AccountId) => void;
}

/** Who has live feeds on this node, and when those were last seen who had. */
export class OwnPresence {
  readonly #options: OwnPresenceOptions;
  readonly #accounts = new Map<AccountId, OwnAccount>();
  /** Those without feed; there are few, and they are looked at often. */
  readonly #leaving = new Map<AccountId, OwnAccount>();
  readonly #seen: LastSeen;

  constructor(options: OwnPresenceOptions) {
    this.#options = options;
    this.#seen = new LastSeen(options.lastSeenMax);
  }

  open(account: AccountId, status: PresenceChoiceT): OwnFeed {
    const known = this.#accounts.get(account);
    const own = known ?? { feeds: new Map(), status, goneAtMs: null };
    own.goneAtMs = null;
    this.#leaving.delete(account);
    const feed: OwnFeed = {
      choose: (chosen) => {
        if (!own.feeds.has(feed)) return;
        own.feeds.set(feed, chosen);
        this.#settle(account, own);
      },
      close: () => {
        if (!own.feeds.delete(feed)) return;
        if (own.feeds.size > 0) this.#settle(account, own);
        else this.#leave(account, own);
      },
    };
    own.feeds.set(feed, status);
    if (known === undefined) {
      this.#accounts.set(account, own);
      this.#options.onChange(account);
    } else this.#settle(account, own);
    return feed;
  }

  row(account: AccountId): PresenceRow {
    const status = this.#accounts.get(account)?.status ?? 'offline';
    return { account, status, seenMs: isSeen(status) ? null : this.#seen.of(account) };
  }

  /** Of all who are here, or were. */
  rows(): PresenceRow[] {
    const all = new Set<AccountId>(this.#accounts.keys());
    for (const [account] of this.#seen.entries()) all.add(account);
    return Array.from(all, (account) => this.row(account));
  }

  /** Lets those go who have not come back in time. */
  tick(): void {
    const nowMs = this.#options.monotonicMs();
    for (const [account, own] of this.#leaving) {
      if (own.goneAtMs === null || nowMs < own.goneAtMs) continue;
      this.#leaving.delete(account);
      this.#accounts.delete(account);
      this.#options.onChange(account);
    }
  }

  #settle(account: AccountId, own: OwnAccount): void {
    const status = strongest(own.feeds.values()) as PresenceChoiceT;
    if (status === own.status) return;
    this.#noteSeen(account, own);
    own.status = status;
    this.#options.onChange(account);
  }

  #leave(account: AccountId, own: OwnAccount): void {
    this.#noteSeen(account, own);
    own.goneAtMs = this.#options.monotonicMs() + this.#options.lingerMs;
    this.#leaving.set(account, own);
  }

  /** Of the invisible nothing is noted: that would tell when they were there. */
  #noteSeen(account: AccountId, { status }: OwnAccount): void {
    if (isSeen(status)) this.#seen.note(account, this.#options.wallMs());
  }
}
