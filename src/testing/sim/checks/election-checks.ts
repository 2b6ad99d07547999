import { MessageType, type Message } from '../../../consensus/message.ts';
import { NO_PEER, RaftRole, type LogIndex, type PeerId } from '../../../consensus/types.ts';
import type { CoreView } from '../../../node/raft/raft-driver.ts';
import type { SimNode } from '../sim-node.ts';
import { insist } from '../violation.ts';
import type { History } from './history.ts';

/** What is promised about elections (sections 5.2 and 5.4.1 of the paper). */
export class ElectionChecks {
  readonly #history: History;
  readonly #leaderOfTerm = new Map<number, PeerId>();
  /** By term and voter: for whom that vote was cast. */
  readonly #votes = new Map<number, Map<PeerId, PeerId>>();
  #highestTerm = 0;

  constructor(history: History) {
    this.#history = history;
  }

  get terms(): number {
    return this.#highestTerm;
  }

  leaderOf(term: number): PeerId | undefined {
    return this.#leaderOfTerm.get(term);
  }

  /** A vote leaves: each peer has one in each term. */
  sending(node: SimNode, message: Message): void {
    if (message.type !== MessageType.voteResp || message.reject) return;
    this.#cast(message.term, node.peerId!, message.to);
  }

  #cast(term: number, voter: PeerId, candidate: PeerId): void {
    let votes = this.#votes.get(term);
    if (votes === undefined) this.#votes.set(term, (votes = new Map()));
    const before = votes.get(voter);
    const once = before === undefined || before === candidate;
    insist(once, 'one-vote-per-term', () => `peer ${voter} votes for ${before} and ${candidate} in term ${term}`);
    votes.set(voter, candidate);
  }

  viewed(node: SimNode, { role, leader, term }: CoreView): void {
    this.#highestTerm = Math.max(this.#highestTerm, term);
    if (role === RaftRole.leader) this.#leads(node, term);
    else if (leader !== NO_PEER) this.#follows(node, leader, term);
  }

  /** Election safety, and leader completeness: whoever wins has all that is committed. */
  #leads(node: SimNode, term: number): void {
    const peer = node.peerId!;
    const known = this.#leaderOfTerm.get(term);
    insist(known === undefined || known === peer, 'election-safety', () => `${known} and ${peer} lead term ${term}`);
    if (known !== undefined) return;
    this.#leaderOfTerm.set(term, peer);
    this.#checkVotes(node, term);
    const index = this.#history.committedBefore(term) as LogIndex;
    if (index < node.log.firstIndex - 1) return;
    const complete = node.log.hash(index) === this.#history.committedHash(index);
    insist(complete, 'leader-completeness', () => `${node.name} leads term ${term} without committed entry ${index}`);
  }

  /** It has the votes of a majority, its own among them if it is on disk. */
  #checkVotes(leader: SimNode, term: number): void {
    const { hardState } = leader.durable;
    if (hardState.term === term && hardState.vote !== NO_PEER) this.#cast(term, leader.peerId!, hardState.vote);
    const votes = this.#votes.get(term);
    const won = this.#history.hasQuorum(leader.confState, (_, peer) => votes?.get(peer) === leader.peerId);
    insist(won, 'elected-by-majority', () => `${leader.name} leads term ${term} with the votes of ${votes?.size ?? 0}`);
  }

  #follows(node: SimNode, leader: PeerId, term: number): void {
    const known = this.#leaderOfTerm.get(term);
    const same = known === undefined || known === leader;
    insist(same, 'election-safety', () => `${node.name} follows ${leader} in ${term}, which ${known} leads`);
  }
}
