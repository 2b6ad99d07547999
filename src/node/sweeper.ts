import { randomBytes } from 'node:crypto';
import { findExpired } from '../chat/queries-sweep.ts';
import type { StateReader } from '../chat/ports.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import type { CommandOf, CommandResult } from '../protocol/commands.ts';
import type { StampMs } from '../protocol/ids.ts';
import type { Clock } from './ports.ts';

const SWEEP_EVERY_MS = 5_000;
const SWEEP_DEADLINE_MS = 5_000;
/** Commands in a row, where there is so much. */
const SWEEPS_MAX = 20;
/** Rows removed by one command: applying it must stay short. */
const SWEEP_ROWS_MAX = 500;

interface SweeperPorts {
  readonly clock: Clock;
  readonly reader: StateReader;
  readonly isLeader: () => boolean;
  readonly propose: (command: CommandOf<'state.sweep'>, deadlineMs: number) => Promise<CommandResult<'state.sweep'>>;
  readonly onError: (error: unknown) => void;
}

/**
 * Housekeeping of the leader: looks for expired rows and proposes to remove them. Nothing depends on when it runs,
 * because everything expired is refused by its time already; `apply()` checks each key again.
 */
export class Sweeper {
  readonly #ports: SweeperPorts;
  #cancel: (() => void) | null = null;
  #stopped = false;

  constructor(ports: SweeperPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#cancel = this.#ports.clock.after(SWEEP_EVERY_MS, () => {
      this.#sweep()
        .catch(this.#ports.onError)
        .finally(() => {
          if (!this.#stopped) this.start();
        });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #sweep(): Promise<void> {
    const { clock, reader, isLeader, propose } = this.#ports;
    for (let sweeps = 0; sweeps < SWEEPS_MAX && isLeader() && !this.#stopped; sweeps++) {
      const keys = await findExpired(reader, clock.wallMs() as StampMs, SWEEP_ROWS_MAX);
      if (keys.length === 0) return;
      const txnId = makeTxnId(clock.wallMs(), new Uint8Array(randomBytes(10)));
      const swept = await propose({ kind: 'state.sweep', actor: null, txnId, body: { keys } }, SWEEP_DEADLINE_MS);
      // This clock may be ahead of the log's: then it is for a later time.
      if (!swept.ok || swept.value.removed === 0) return;
    }
  }
}
