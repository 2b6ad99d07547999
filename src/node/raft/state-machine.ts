import type { LogIndex, Term } from '../../consensus/types.ts';
import type { StateView } from '../../chat/ports.ts';
import type { BatchItem } from '../../protocol/batch.ts';
import type { StampMs } from '../../protocol/ids.ts';

/** One committed entry with commands, in the order in which every node applies them. */
export interface CommittedBatch {
  readonly index: LogIndex;
  readonly term: Term;
  /** The leader's time, never less than that of any earlier entry. */
  readonly stampMs: StampMs;
  readonly items: readonly BatchItem[];
}

export interface BatchOutcome<Result, Event> {
  /** One for each item, in their order. */
  readonly results: readonly Result[];
  readonly events: readonly Event[];
}

/**
 * What the log drives. `apply` is synchronous and deterministic: the same view and the same batch give the same
 * changes, results and events on every node. A refused command is a result; what it throws ends the process.
 */
export interface StateMachine<Result, Event> {
  apply(view: StateView, batch: CommittedBatch): BatchOutcome<Result, Event>;
}
