import { applyBatch } from '../chat/apply.ts';
import { createApplyContext } from '../chat/apply-context.ts';
import type { ApplyContext } from '../chat/apply-context.ts';
import type { StateView } from '../chat/ports.ts';
import type { CommandResult } from '../protocol/commands.ts';
import type { PlacedEvent } from '../protocol/events.ts';
import type { BlobId, ClusterId } from '../protocol/ids.ts';
import type { BatchOutcome, CommittedBatch, StateMachine } from './raft/state-machine.ts';

export type ChatMachineOptions = NonNullable<Parameters<typeof createApplyContext>[1]> & {
  /** Told of files that nodes have to look after, while their entry is applied. */
  readonly onBlobs?: (blobs: readonly BlobId[]) => void;
};

/** The chat, as the log drives it. */
export class ChatMachine implements StateMachine<CommandResult, PlacedEvent> {
  readonly #cluster: ClusterId;
  readonly #options: ChatMachineOptions;
  #context: ApplyContext;

  constructor(cluster: ClusterId, options: ChatMachineOptions = {}) {
    this.#cluster = cluster;
    this.#options = options;
    this.#context = createApplyContext(cluster, options);
  }

  /** To be called when the rows were replaced: what was remembered of the old ones must not outlive them. */
  forget(): void {
    this.#context = createApplyContext(this.#cluster, this.#options);
  }

  apply(view: StateView, batch: CommittedBatch): BatchOutcome<CommandResult, PlacedEvent> {
    const commands = batch.items.map(({ command }) => command);
    const outcome = applyBatch(view, { index: batch.index, stampMs: batch.stampMs, commands }, this.#context);
    if (outcome.blobs.length > 0) this.#options.onBlobs?.(outcome.blobs);
    return outcome;
  }
}
