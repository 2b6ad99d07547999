import { MessageType, type Message } from '../../../consensus/message.ts';
import { reaches } from '../../../consensus/repair.ts';
import type { EntryId, PeerId, Term } from '../../../consensus/types.ts';
import type { SimNode } from '../sim-node.ts';
import { insist } from '../violation.ts';

/** What only candidates and leaders say. */
const OF_CANDIDATES: ReadonlySet<MessageType> = new Set([
  MessageType.vote,
  MessageType.preVote,
  MessageType.app,
  MessageType.heartbeat,
  MessageType.snap,
  MessageType.timeoutNow,
]);

/** What is promised about a node that lost entries it had acknowledged, until it has made up for them. */
export class RepairChecks {
  /** Where the logs end of those who asked such a node for its vote, by candidate and term. */
  readonly #candidates = new Map<string, EntryId>();

  received(node: SimNode, { type, from, term, logTerm, index }: Message): void {
    if (type !== MessageType.vote || node.disk.repair === undefined) return;
    this.#candidates.set(candidacy(from, term), { term: logTerm, index });
  }

  sending(node: SimNode, { type, to, term, reject }: Message): void {
    const goal = node.disk.repair;
    if (goal === undefined) return;
    if (type === MessageType.voteResp && !reject) {
      const last = this.#candidates.get(candidacy(to, term));
      insist(
        last !== undefined && reaches(last, goal.entry),
        'repairing-voter',
        () => `${node.name} lost entries up to ${goal.entry.index}, and votes for ${to} in term ${term} without them`,
      );
    }
    if (!OF_CANDIDATES.has(type)) return;
    // On disk, the commit index may follow later.
    const isWhole = reaches(node.durable.lastEntryId(), goal.entry) && node.peer!.coreView!.commit >= goal.commit;
    insist(isWhole, 'repairing-candidate', () => `${node.name} lost entries, and sends ${type} in term ${term}`);
  }
}

const candidacy = (candidate: PeerId, term: Term): string => `${candidate} in ${term}`;
