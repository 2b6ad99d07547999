import { ConfChangeKind, ConfChangeTransition, type ConfChangeStep } from '../../../consensus/types.ts';
import type { PlannedChange } from '../../../node/membership/change-rules.ts';
import type { MemberVerb } from '../../../node/ports.ts';
import { ParleyError } from '../../../protocol/errors.ts';
import type { Coverage } from '../coverage.ts';
import { membersOf, type SimCluster } from '../sim-cluster.ts';
import type { SimNode } from '../sim-node.ts';

export interface OperatorEnv {
  readonly cluster: SimCluster;
  readonly coverage: Coverage;
}

const ROUND_MS = 250;
/** A node that lost its data is replaced after so many rounds. */
const ROUNDS_BEFORE_REPLACING = 4;
const CHANGE_DEADLINE_MS = 2_000;

type Move = { readonly node: number; readonly as: 'voter' | 'learner' | 'gone' };

/**
 * Who looks after the cluster: changes its membership when told to, replaces nodes that lost their data, and completes
 * what is begun. Everything goes through the leader and the rules of the product.
 */
export class Operator {
  readonly #env: OperatorEnv;
  readonly #roundsWithoutData = new Map<SimNode, number>();
  /** Leaves joint configurations even if whoever entered them meant to do that. */
  tidies = false;

  constructor(env: OperatorEnv) {
    this.#env = env;
  }

  start(): void {
    this.#env.cluster.time.after(ROUND_MS, () => {
      this.#round();
      this.start();
    });
  }

  #round(): void {
    const { cluster } = this.#env;
    for (const node of cluster.nodes) this.#careFor(node);
    if (this.tidies) this.leaveJoint();
  }

  /** A node that cannot use its data any more gets an empty disk; one with an empty disk takes its own place again. */
  #careFor(node: SimNode): void {
    if (node.condition === 'member' || !node.host.isUp) {
      this.#roundsWithoutData.delete(node);
      return;
    }
    const rounds = (this.#roundsWithoutData.get(node) ?? 0) + 1;
    this.#roundsWithoutData.set(node, rounds);
    if (rounds % ROUNDS_BEFORE_REPLACING !== 0) return;
    if (node.condition === 'damaged') {
      node.crash();
      node.wipe();
      node.boot();
    } else if (this.#wasMember(node)) {
      this.change('replace', node);
    }
  }

  #wasMember({ name }: SimNode): boolean {
    return this.#env.cluster.leader?.directory?.table.members.some((member) => member.name === name) ?? false;
  }

  /** As `chatctl member` does, at the leader. Returns whether there is one to ask. */
  change(verb: MemberVerb, node: SimNode): boolean {
    const { leader } = this.#env.cluster;
    if (leader === undefined) return false;
    leader.host.soon(() => {
      leader.changeMembers(verb, node.name)?.then(
        () => this.#note(verb, undefined),
        (error: unknown) => this.#note(verb, error),
      );
    });
    return true;
  }

  #note(what: string, error: unknown): void {
    if (error !== undefined && !(error instanceof ParleyError)) throw error;
    this.#env.coverage.note(error === undefined ? `member ${what}` : `member ${what}: ${error.code}`);
  }

  /** Any change of its present members that the core may take. */
  reconfigure(moves: readonly Move[], transition: ConfChangeTransition): boolean {
    const { cluster } = this.#env;
    const { leader } = cluster;
    if (leader === undefined) return false;
    leader.host.soon(() => {
      // Whoever is gone by now has no entry in the table of members any more, and could not be reached.
      const members = new Set(membersOf(leader.confState));
      const steps = moves.flatMap(({ node, as }): ConfChangeStep[] => {
        const peer = cluster.node(node).peerId;
        return peer !== undefined && members.has(peer) ? [{ kind: KIND_OF[as], peer }] : [];
      });
      if (steps.length > 0) this.#propose(leader, { transition, steps, added: null });
    });
    return true;
  }

  leaveJoint(): boolean {
    const { leader } = this.#env.cluster;
    if (leader === undefined || leader.confState.votersOutgoing.length === 0) return false;
    leader.host.soon(() => this.#propose(leader, { transition: ConfChangeTransition.auto, steps: [], added: null }));
    return true;
  }

  #propose(leader: SimNode, change: PlannedChange): void {
    leader.peer?.changeMembership(change, CHANGE_DEADLINE_MS, (error) => this.#note('reconfigure', error));
  }
}

const KIND_OF = {
  voter: ConfChangeKind.addVoter,
  learner: ConfChangeKind.addLearner,
  gone: ConfChangeKind.remove,
} as const;
