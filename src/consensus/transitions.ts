import { violation } from './invariants.ts';
import type { Raft } from './raft.ts';
import { EMPTY_BYTES, EntryType, NO_PEER, RaftRole, type PeerId, type Term } from './types.ts';

/** The changes of role (paper, Figure 4). All others are impossible, and asserted to be. */

const announce = (raft: Raft): void => {
  raft.config.onEvent({ kind: 'role-changed', role: raft.role, term: raft.term, leader: raft.leader });
};

export const becomeFollower = (raft: Raft, term: Term, leader: PeerId): void => {
  raft.reset(term);
  raft.leader = leader;
  raft.role = RaftRole.follower;
  announce(raft);
};

/** Raises the term and votes for itself. */
export const becomeCandidate = (raft: Raft): void => {
  if (raft.role === RaftRole.leader) throw violation('a leader cannot become candidate');
  raft.reset((raft.term + 1) as Term);
  raft.vote = raft.id;
  raft.role = RaftRole.candidate;
  announce(raft);
};

/** Asks whether it could win, without touching term or vote (dissertation 9.6). */
export const becomePreCandidate = (raft: Raft): void => {
  if (raft.role === RaftRole.leader) throw violation('a leader cannot become pre-candidate');
  raft.tracker.resetVotes();
  raft.campaignsOnHint = false;
  raft.leader = NO_PEER;
  raft.role = RaftRole.preCandidate;
  announce(raft);
};

/** Takes over, with an empty entry: only an entry of its own term lets it commit older ones (5.4.2). */
export const becomeLeader = (raft: Raft): void => {
  if (raft.role === RaftRole.follower) throw violation('a follower cannot become leader');
  raft.reset(raft.term);
  raft.leader = raft.id;
  raft.noteLeaderOfTerm(raft.id);
  raft.role = RaftRole.leader;
  const own = raft.tracker.member(raft.id);
  own.becomeReplicate();
  own.recentActive = true;
  // There may be a change among the entries that are not applied yet; looking for it costs more than
  // waiting until all of them are.
  raft.pendingConfIndex = raft.log.lastIndex();
  if (!raft.appendOwn([{ type: EntryType.normal, data: EMPTY_BYTES }])) {
    throw violation('the first entry of a term was refused');
  }
  announce(raft);
};
