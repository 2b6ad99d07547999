import type { Message } from '../../../consensus/message.ts';
import type { LogIndex, PeerId } from '../../../consensus/types.ts';
import type { AppliedPosition, LogWrite } from '../../../node/ports.ts';
import type { CoreView } from '../../../node/raft/raft-driver.ts';
import type { SimNode } from '../sim-node.ts';
import type { StateImage } from '../state-image.ts';
import { CommitChecks } from './commit-checks.ts';
import { ElectionChecks } from './election-checks.ts';
import { History } from './history.ts';
import { LogChecks } from './log-checks.ts';
import { checkDurability } from './message-checks.ts';
import { RepairChecks } from './repair-checks.ts';
import { StateChecks } from './state-checks.ts';

export interface SafetyCheckerOptions {
  /** Whether messages and commit indexes are held against what is durable at that moment. */
  readonly checksDurability: boolean;
  readonly nodeOfPeer: (peer: PeerId) => SimNode | undefined;
}

/**
 * The promises of Raft (Figure 3 of the paper) and of the driver, checked against all nodes at once. Logs are
 * compared by their chained hashes: two nodes that agree at one index agree on everything before it.
 */
export class SafetyChecker {
  readonly #checksDurability: boolean;
  readonly #history: History;
  readonly #logs: LogChecks;
  readonly #commits: CommitChecks;
  readonly #states: StateChecks;
  readonly #repairs = new RepairChecks();
  readonly elections: ElectionChecks;

  constructor({ checksDurability, nodeOfPeer }: SafetyCheckerOptions) {
    this.#checksDurability = checksDurability;
    this.#history = new History(nodeOfPeer);
    this.#logs = new LogChecks(this.#history);
    this.elections = new ElectionChecks(this.#history);
    this.#commits = new CommitChecks(this.#history, { checksDurability });
    this.#states = new StateChecks(this.#history);
  }

  get committedIndex(): number {
    return this.#history.committedIndex;
  }

  booted(node: SimNode): void {
    this.#commits.booted(node);
    this.#states.booted(node);
  }

  accepted(node: SimNode, { entries }: LogWrite): void {
    this.#logs.accepted(node, entries);
  }

  durable(node: SimNode, change: () => void): void {
    this.#logs.durable(node, change);
  }

  sending(node: SimNode, message: Message): void {
    if (this.#checksDurability) checkDurability(node, message);
    this.elections.sending(node, message);
    this.#repairs.sending(node, message);
  }

  received(node: SimNode, message: Message): void {
    this.#repairs.received(node, message);
  }

  viewed(node: SimNode, view: CoreView): void {
    this.elections.viewed(node, view);
    this.#commits.viewed(node, view);
  }

  applied(node: SimNode, position: AppliedPosition, image: StateImage): void {
    this.#states.applied(node, position, image);
    if (position.confState !== undefined) this.#commits.membershipChanged(node);
  }

  snapshotSpoiled(index: LogIndex): void {
    this.#states.snapshotSpoiled(index);
  }

  snapshotRefused(node: SimNode, index: LogIndex): void {
    this.#states.snapshotRefused(node, index);
  }

  installed(node: SimNode, image: StateImage): void {
    this.#states.installed(node, image);
    this.#commits.membershipChanged(node);
  }
}
