import type { CampaignKind, RaftEvent } from '../../consensus/events.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';

/** What happened to the Raft peer of a node since the process started. */
export class RaftCounters {
  readonly campaigns: Record<CampaignKind, number> = { 'pre-election': 0, election: 0, transfer: 0 };
  readonly snapshots = { sent: 0, installed: 0, failed: 0 };
  /** Commands of this node's clients, by what became of them. */
  readonly commands = new Map<'applied' | ErrorCode, number>([['applied', 0]]);
  leaderChanges = 0;

  take(event: RaftEvent): void {
    if (event.kind === 'campaign-started') this.campaigns[event.campaign] += 1;
    else if (event.kind === 'snapshot-sent') this.snapshots.sent += 1;
  }

  /** Counts what becomes of a command, and hands it on. */
  async watch<T>(submit: () => Promise<T>): Promise<T> {
    try {
      const result = await submit();
      this.#count('applied');
      return result;
    } catch (error) {
      this.#count(error instanceof ParleyError ? error.code : 'internal');
      throw error;
    }
  }

  #count(outcome: 'applied' | ErrorCode): void {
    this.commands.set(outcome, (this.commands.get(outcome) ?? 0) + 1);
  }
}
