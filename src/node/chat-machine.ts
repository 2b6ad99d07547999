import { applyBatch } from '../chat/apply.ts';
import { createApplyContext } from '../chat/apply-context.ts';
import type { ApplyContext } from '../chat/apply-context.ts';
import type { StateView } from '../chat/ports.ts';
import type { CommandResult } from '../protocol/commands.ts';
import type { PlacedEvent } from '../protocol/events.ts';
import type { ClusterId } from '../protocol/ids.ts';
import type { BatchOutcome, CommittedBatch, StateMachine } from './raft/state-machine.ts';

/** The chat, as the log drives it. */
export class ChatMachine implements StateMachine<CommandResult, PlacedEvent> {
  readonly #cluster: ClusterId;
  #context: ApplyContext;

  constructor(cluster: ClusterId) {
    this.#cluster = cluster;
    this.#context = createApplyContext(cluster);
  }

  /** To be called when the rows were replaced: what was remembered of the old ones must not outlive them. */
  forget(): void {
    this.#context = createApplyContext(this.#cluster);
  }

  apply(view: StateView, batch: CommittedBatch): BatchOutcome<CommandResult, PlacedEvent> {
    const commands = batch.items.map(({ command }) => command);
    return applyBatch(view, { index: batch.index, stampMs: batch.stampMs, commands }, this.#context);
  }
}
