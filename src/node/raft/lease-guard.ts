import type { RawNode } from '../../consensus/raw-node.ts';
import type { RaftSettings } from './raft-settings.ts';
import type { Ticker } from './ticker.ts';

export interface LeaseGuardEnv {
  readonly reads: RaftSettings['reads'];
  readonly ticker: Pick<Ticker, 'isLate'>;
  readonly core: Pick<RawNode, 'voidLease'>;
  /** Whether all voters are known to keep the promise that leases rest on. */
  readonly isAgreed: () => boolean;
}

/**
 * Ends the read lease where it cannot be trusted, before the core answers anything from it. A process that was stopped
 * may read a request before its clock: by then another may lead, and may have acknowledged what this node lacks.
 */
export class LeaseGuard {
  readonly #env: LeaseGuardEnv;

  constructor(env: LeaseGuardEnv) {
    this.#env = env;
  }

  /** To be called before anything is handed to the core, in the same turn of the event loop. */
  check(): void {
    const { reads, ticker, core, isAgreed } = this.#env;
    if (reads === 'lease' && (ticker.isLate || !isAgreed())) core.voidLease();
  }
}

/** How many ticks late a tick may come without being noticed as a stall. */
export const leaseSlackTicks = ({ stallMs, tickMs }: Pick<RaftSettings, 'stallMs' | 'tickMs'>): number =>
  Math.ceil(stallMs / tickMs);
