import { ConfChangeKind, ConfChangeTransition, type ConfChangeStep, type PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { memberNamed, type Member, type MemberTable } from './member-table.ts';
import type { PeerProgress, Status } from '../../consensus/status.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { MemberVerb } from '../ports.ts';

/**
 * Which changes of the membership are let through to the log. The consensus core keeps any valid sequence of changes
 * safe; these rules keep the cluster available: a change that would leave it without quorum is refused.
 */
/** What the leader knows when it is asked. */
export interface ChangeView {
  readonly table: MemberTable;
  readonly status: Status;
  /** An empty node of that name that asks to be let in now; null when there is none. */
  readonly candidate: (name: NodeName) => Candidate | null;
}

/** An empty node: what it calls its directory, and its keys. */
export type Candidate = Pick<Member, 'identity'> & { readonly incarnation: string };

export interface PlannedChange {
  readonly transition: ConfChangeTransition;
  readonly steps: readonly ConfChangeStep[];
  readonly added: Member | null;
  /** Set by whoever carries it out, where it takes somebody out. */
  readonly ringKey?: Uint8Array | null;
}

/** Whom a change takes out. */
export function removedBy({ steps }: PlannedChange, { members }: MemberTable): Member[] {
  const gone = new Set(steps.flatMap(({ kind, peer }) => (kind === ConfChangeKind.remove ? [peer] : [])));
  return members.filter(({ peer }) => gone.has(peer));
}

const MEMBERS_MAX = 9;
/** A learner this close to the leader's last entry holds nothing up when it becomes a voter. */
export const CATCH_UP_ENTRIES = 1_000;

/** @throws ParleyError with the sentence that says why not */
export function planChange(verb: MemberVerb, name: NodeName, view: ChangeView): PlannedChange {
  const { confState } = view.status;
  if (confState.votersOutgoing.length > 0) throw busy();
  return PLANS[verb](name, view);
}

const PLANS: Readonly<Record<MemberVerb, (name: NodeName, view: ChangeView) => PlannedChange>> = {
  add: planAdd,
  promote: planPromote,
  remove: planRemove,
  replace: planReplace,
};

/**
 * The last step of a replacement, once its learner has caught up: the new incarnation votes, the old one is out, by
 * joint consensus, so that the number of voters never changes. Null when there is nothing to finish.
 */
export function planCompletion({ table, status }: Pick<ChangeView, 'table' | 'status'>): PlannedChange | null {
  if (status.confState.votersOutgoing.length > 0) return null;
  const ready = table.members.find(
    ({ peer, replaces }) =>
      replaces !== null && status.confState.voters.includes(replaces) && problemOfLearner(peer, status) === null,
  );
  if (ready === undefined) return null;
  const steps = [
    { kind: ConfChangeKind.addVoter, peer: ready.peer },
    { kind: ConfChangeKind.remove, peer: ready.replaces! },
  ];
  return { transition: ConfChangeTransition.jointImplicit, steps, added: null };
}

function planAdd(name: NodeName, { table, candidate }: ChangeView): PlannedChange {
  const known = memberNamed(table, name);
  const found = candidate(name);
  if (known !== undefined) {
    const hint = found === null ? '' : `; it lost its data: chatctl member replace ${name}`;
    throw new ParleyError('already_member', `${name} is a member already${hint}.`);
  }
  if (table.members.length >= MEMBERS_MAX) {
    throw new ParleyError('too_many', `A cluster has at most ${MEMBERS_MAX} nodes.`);
  }
  return letIn({ name, ...askedToJoin(name, found, table), peer: table.nextPeer, replaces: null });
}

function planPromote(name: NodeName, { table, status }: ChangeView): PlannedChange {
  const { peer } = existing(table, name);
  if (status.confState.voters.includes(peer)) throw new ParleyError('already_member', `${name} votes already.`);
  const problem = problemOfLearner(peer, status);
  if (problem !== null) throw new ParleyError('behind', `${name} ${problem}: a voter that lags would hold up others.`);
  return simple({ kind: ConfChangeKind.addVoter, peer });
}

function planRemove(name: NodeName, { table, status }: ChangeView): PlannedChange {
  const { peer } = existing(table, name);
  const { voters } = status.confState;
  if (voters.includes(peer)) {
    const remaining = voters.filter((voter) => voter !== peer);
    if (remaining.length === 0) throw new ParleyError('quorum_at_risk', `${name} is the only voter.`);
    const active = remaining.filter((voter) => isActive(voter, status)).length;
    const needed = Math.floor(remaining.length / 2) + 1;
    if (active < needed) {
      throw new ParleyError(
        'quorum_at_risk',
        `Without ${name} only ${active} of ${remaining.length} voters would answer, and ${needed} are needed.`,
      );
    }
  }
  return simple({ kind: ConfChangeKind.remove, peer });
}

function planReplace(name: NodeName, { table, status, candidate }: ChangeView): PlannedChange {
  const old = existing(table, name);
  if (isActive(old.peer, status)) {
    throw new ParleyError('already_member', `${name} is up and has its data: there is nothing to replace.`);
  }
  const asks = askedToJoin(name, candidate(name), table);
  const isVoter = status.confState.voters.includes(old.peer);
  // A learner can go at once; so can the second incarnation that never finished replacing a first.
  const replaces = isVoter ? old.peer : old.replaces;
  const added = { name, ...asks, peer: table.nextPeer, replaces };
  const step = { kind: ConfChangeKind.addLearner, peer: added.peer };
  if (isVoter) return { transition: ConfChangeTransition.auto, steps: [step], added };
  const steps = [{ kind: ConfChangeKind.remove, peer: old.peer }, step];
  return { transition: ConfChangeTransition.jointImplicit, steps, added };
}

function letIn(added: Member): PlannedChange {
  return { ...simple({ kind: ConfChangeKind.addLearner, peer: added.peer }), added };
}

function simple(step: ConfChangeStep): PlannedChange {
  return { transition: ConfChangeTransition.auto, steps: [step], added: null };
}

function existing(table: MemberTable, name: NodeName): Member {
  const member = memberNamed(table, name);
  if (member === undefined) throw new ParleyError('no_such_node', `${name} is no member of this cluster.`);
  return member;
}

/** Once let in, it is not let in again: under a second id it would never be heard of. */
function askedToJoin(name: NodeName, found: Candidate | null, { members }: MemberTable): Candidate {
  const incarnation = found?.incarnation ?? null;
  if (members.some((member) => member.incarnation !== null && member.incarnation === incarnation)) {
    throw new ParleyError('already_member', `${name} has been let in: wait until it has caught up.`);
  }
  if (found !== null && found.identity !== null && members.some(({ identity }) => identity === found.identity)) {
    throw new ParleyError(
      'already_member',
      `${name} has the keys of a member that lost its data: empty the whole directory, then start it again.`,
    );
  }
  if (found !== null) return found;
  throw new ParleyError(
    'no_such_node',
    `No empty node calls itself ${name}: start it first, with --id ${name}, an empty data directory and the cluster's secret.`,
  );
}

function isActive(peer: PeerId, status: Status): boolean {
  return peer === status.id || (progressOf(peer, status)?.activeLately ?? false);
}

/** Why a learner cannot vote yet; null when it can. */
function problemOfLearner(peer: PeerId, status: Status): string | null {
  const progress = progressOf(peer, status);
  if (progress === undefined || !progress.activeLately) return 'does not answer';
  if (progress.state === 'snapshot') return 'is receiving a snapshot';
  // However short the log is: whoever has nothing of it does not even know whom it could vote for.
  if (progress.match === 0) return 'has acknowledged nothing yet';
  const behind = status.lastIndex - progress.match;
  return behind > CATCH_UP_ENTRIES ? `is ${behind} entries behind` : null;
}

function progressOf(peer: PeerId, { progress }: Status): PeerProgress | undefined {
  return progress.find(({ id }) => id === peer);
}

function busy(): ParleyError {
  return new ParleyError('change_in_progress', 'Another change of the membership is under way.');
}
