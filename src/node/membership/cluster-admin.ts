import { ParleyError } from '../../protocol/errors.ts';
import { planChange, planCompletion } from './change-rules.ts';

import type { NodeName } from '../../protocol/ids.ts';
import type { RaftPeerStatus } from '../raft/raft-peer-types.ts';
import type { Clock, MemberVerb } from '../ports.ts';
import type { ChangeView, PlannedChange } from './change-rules.ts';
import type { MemberTable } from './member-table.ts';

const CHANGE_MS_MAX = 10_000;
const TRANSFER_MS_MAX = 5_000;
const POLL_MS = 20;
/** How often the leader looks whether a replacement can be completed. */
const COMPLETE_EVERY_MS = 500;

export interface ClusterAdminPorts {
  readonly self: NodeName;
  readonly clock: Clock;
  /** Null before this node takes part. */
  readonly status: () => RaftPeerStatus | null;
  /** Who leads, known also to a node that takes no part. */
  readonly leader: () => NodeName | null;
  /** @throws ParleyError where this node does not serve, with the reason */
  readonly refuse: () => void;
  readonly table: () => MemberTable;
  readonly candidate: ChangeView['candidate'];
  readonly urlOf: (node: NodeName) => string | null;
  readonly changeMembership: (planned: PlannedChange, deadlineMs: number) => Promise<void>;
  readonly transferLeadership: (to: NodeName) => void;
  readonly onError: (error: unknown) => void;
}

/** What an operator asks of the leader: members in and out, leadership elsewhere. Refuses what would cost quorum. */
export class ClusterAdmin {
  readonly #ports: ClusterAdminPorts;
  #cancel: (() => void) | null = null;
  #busy = false;

  constructor(ports: ClusterAdminPorts) {
    this.#ports = ports;
  }

  start(): void {
    const beat = (): void => {
      this.#complete();
      this.#cancel = this.#ports.clock.after(COMPLETE_EVERY_MS, beat);
    };
    beat();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** @throws ParleyError `not_leader` with the leader's name and URL, or why the change is refused */
  async changeMembers(verb: MemberVerb, name: NodeName): Promise<void> {
    const status = this.#leading();
    const planned = planChange(verb, name, {
      table: this.#ports.table(),
      status,
      candidate: this.#ports.candidate,
    });
    await this.#ports.changeMembership(planned, CHANGE_MS_MAX);
  }

  /**
   * @param wanted null: whoever is furthest
   * @returns who leads now
   * @throws ParleyError `not_leader`, `no_such_node`, `behind`, `deadline_exceeded` when the other did not take over
   */
  async transferLeadership(wanted: NodeName | null): Promise<NodeName> {
    const status = this.#leading();
    const to = wanted ?? this.#furthest(status);
    if (to === this.#ports.self) return to;
    this.#checkSuccessor(to, status);
    this.#ports.transferLeadership(to);
    const deadline = this.#ports.clock.monotonicMs() + TRANSFER_MS_MAX;
    while (this.#ports.clock.monotonicMs() < deadline) {
      await this.#pause(POLL_MS);
      const leader = this.#ports.status()?.leaderName ?? null;
      if (leader !== null && leader !== this.#ports.self) return leader;
    }
    throw new ParleyError('deadline_exceeded', `${to} did not take over in time; ${this.#ports.self} leads on.`);
  }

  /** @throws ParleyError `not_leader` with the leader's name and URL, or why this node does not serve */
  refuseUnlessLeading(): void {
    this.#leading();
  }

  #leading(): RaftPeerStatus {
    const leader = this.#ports.leader();
    if (leader !== null && leader !== this.#ports.self) {
      throw new ParleyError('not_leader', `${leader} leads: ask it.`, {
        data: { leader, url: this.#ports.urlOf(leader) },
      });
    }
    this.#ports.refuse();
    const status = this.#ports.status();
    if (leader === null || status === null) throw new ParleyError('no_leader');
    return status;
  }

  #furthest(status: RaftPeerStatus): NodeName {
    const [best] = status.progress
      .filter(({ id, isLearner, activeLately }) => id !== status.id && !isLearner && activeLately)
      .toSorted((a, b) => b.match - a.match);
    const name = this.#ports.table().members.find(({ peer }) => peer === best?.id)?.name;
    if (name === undefined) throw new ParleyError('quorum_at_risk', 'No other voter answers.');
    return name;
  }

  #checkSuccessor(to: NodeName, status: RaftPeerStatus): void {
    const peers = this.#ports.table().members.filter(({ name }) => name === to);
    if (peers.length === 0) throw new ParleyError('no_such_node', `${to} is no member of this cluster.`);
    const progress = status.progress.find(({ id, isLearner }) => !isLearner && peers.some(({ peer }) => peer === id));
    if (progress === undefined) throw new ParleyError('behind', `${to} does not vote: promote it first.`);
    if (!progress.activeLately) throw new ParleyError('behind', `${to} does not answer.`);
  }

  #complete(): void {
    const status = this.#ports.status();
    if (this.#busy || status === null || status.leaderName !== this.#ports.self) return;
    const planned = planCompletion({ table: this.#ports.table(), status });
    if (planned === null) return;
    this.#busy = true;
    this.#ports
      .changeMembership(planned, CHANGE_MS_MAX)
      .catch(this.#ports.onError)
      .finally(() => {
        this.#busy = false;
      });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#ports.clock.after(ms, resolve));
  }
}
