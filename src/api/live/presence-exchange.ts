import { KnownPresence } from './known-presence.ts';
import { OwnPresence } from './own-presence.ts';
import { mergePresence } from './presence-row.ts';
import { encodeSignal } from './signal-codec.ts';
import type { Signal, SignalPort } from '../../node/ports.ts';
import type { PresenceChoiceT } from '../../protocol/http/presence.ts';
import type { AccountId, NodeName } from '../../protocol/ids.ts';
import type { ApiLimits } from '../config.ts';
import type { OwnFeed } from './own-presence.ts';
import type { Presence } from './presence-row.ts';
import type { SignalMessage } from './signal-codec.ts';

/** Last-seen times that a node remembers of its own people, and of those of nodes that are gone. */
const LAST_SEEN_MAX = 10_000;
/** Accounts that are kept of one other node. */
const ROWS_MAX = 50_000;

export interface PresenceExchangeOptions {
  readonly signals: Pick<SignalPort, 'send' | 'broadcast'>;
  readonly limits: Pick<ApiLimits, 'signalsGatherMs' | 'presenceBeatMs' | 'presenceExpiryMs' | 'presenceLingerMs'>;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** Somebody's presence may have changed, here or elsewhere. */
  readonly onChange: (account: AccountId) => void;
}

/**
 * Presence across the cluster. Each node numbers the versions of what it knows of its own people and tells the others
 * what changed since the version before, gathered, and now and then which version it is at; who has missed one asks
 * for all. So every node comes to know everybody who is there, whatever is lost on the way; and whoever falls silent
 * is forgotten with their people.
 */
export class PresenceExchange {
  readonly #options: PresenceExchangeOptions;
  readonly #own: OwnPresence;
  readonly #known: KnownPresence;
  readonly #changed = new Set<AccountId>();
  readonly #askedAtMs = new Map<NodeName, number>();
  readonly #toldAtMs = new Map<NodeName, number>();
  #version = 0;
  #gathering: NodeJS.Timeout | null = null;
  #beats: NodeJS.Timeout | null = null;

  constructor(options: PresenceExchangeOptions) {
    this.#options = options;
    const { limits, onChange } = options;
    const common = { ...options, lastSeenMax: LAST_SEEN_MAX };
    this.#own = new OwnPresence({
      ...common,
      lingerMs: limits.presenceLingerMs,
      onChange: (account) => {
        this.#changed.add(account);
        this.#gathering ??= setTimeout(() => this.#tellChanges(), limits.signalsGatherMs).unref();
        onChange(account);
      },
    });
    this.#known = new KnownPresence({ ...common, expiryMs: limits.presenceExpiryMs, rowsMax: ROWS_MAX });
  }

  start(): void {
    this.#beats = setInterval(() => this.#beat(), this.#options.limits.presenceBeatMs).unref();
    this.#beat();
    // Before it knows of all feeds, it could show somebody whom another feed wants to hide.
    this.#broadcast({ kind: 'ask' });
  }

  stop(): void {
    if (this.#beats !== null) clearInterval(this.#beats);
    if (this.#gathering !== null) clearTimeout(this.#gathering);
  }

  open(account: AccountId, status: PresenceChoiceT): OwnFeed {
    return this.#own.open(account, status);
  }

  of(account: AccountId): Presence {
    return mergePresence([this.#own.row(account), ...this.#known.rowsOf(account)]);
  }

  receive({ from, boot }: Pick<Signal, 'from' | 'boot'>, message: Exclude<SignalMessage, { kind: 'typing' }>): void {
    if (message.kind === 'all') this.#known.takeAll(from, boot, message);
    else if (message.kind === 'ask') this.#tellAll(from);
    else if (this.#known.takeChanges(from, boot, message)) this.#ask(from);
  }

  #beat(): void {
    this.#own.tick();
    this.#known.tick();
    this.#broadcast({ kind: 'changes', after: this.#version, version: this.#version, rows: [] });
  }

  #tellChanges(): void {
    this.#gathering = null;
    const rows = Array.from(this.#changed, (account) => this.#own.row(account));
    this.#changed.clear();
    this.#version += 1;
    this.#broadcast({ kind: 'changes', after: this.#version - 1, version: this.#version, rows });
  }

  #ask(node: NodeName): void {
    if (this.#isTooSoon(this.#askedAtMs, node)) return;
    this.#options.signals.send(node, encodeSignal({ kind: 'ask' }));
  }

  #tellAll(node: NodeName): void {
    if (this.#isTooSoon(this.#toldAtMs, node)) return;
    this.#options.signals.send(node, encodeSignal({ kind: 'all', version: this.#version, rows: this.#own.rows() }));
  }

  /** All is much: once between two beats is enough, because the next beat tells again that something is missing. */
  #isTooSoon(times: Map<NodeName, number>, node: NodeName): boolean {
    const nowMs = this.#options.monotonicMs();
    const lastMs = times.get(node);
    if (lastMs !== undefined && nowMs - lastMs < this.#options.limits.presenceBeatMs / 2) return true;
    times.set(node, nowMs);
    return false;
  }

  #broadcast(message: SignalMessage): void {
    this.#options.signals.broadcast(encodeSignal(message));
  }
}
