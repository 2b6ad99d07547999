import { makeMessage, MessageType, type Message } from '../../consensus/message.ts';
import { encodeConfChange, entryTypeOf } from '../../consensus/membership/conf-change-codec.ts';
import {
  ConfChangeKind,
  ConfChangeTransition,
  EMPTY_BYTES,
  EntryType,
  RaftRole,
  type ConfChange,
  type Entry,
  type LogIndex,
  type Snapshot,
  type Term,
} from '../../consensus/types.ts';
import { Cluster } from '../consensus/cluster.ts';
import { bytes, id } from '../consensus/three-peers.ts';

/**
 * Sequences of events that chance comes upon too rarely: each leads the bare core to the one place where a certain bug
 * shows. Each throws when peers do not agree in the end.
 */
export const STORIES = {
  'an acknowledgement from before a truncation': acknowledgementFromBefore,
  'the same entries, replaced and brought back': replacedAndBroughtBack,
  'a snapshot that the log has outgrown': outgrownSnapshot,
  'a peer that is terms ahead of its leader': aheadOfItsLeader,
  'a peer that has not applied who votes': withUnappliedChange,
} as const;

export type Story = keyof typeof STORIES;

/**
 * A follower acknowledges entries of term 1 that are truncated in term 2. The acknowledgement arrives in term 3, in
 * which the same peer leads again, with other entries there.
 */
function acknowledgementFromBefore(): void {
  const cluster = new Cluster({ voters: [1, 2, 3, 4, 5] });
  const late: Message[] = [];
  const within = (...ids: number[]) => {
    return ({ from, to }: Message): boolean => ids.includes(from) && ids.includes(to);
  };
  cluster.elect(1);
  cluster.reaches = (message) => {
    const isAnswer = message.from === id(3) && message.type === MessageType.appResp;
    if (isAnswer) late.push(message);
    return !isAnswer && within(1, 3)(message);
  };
  for (const name of ['a', 'b', 'c']) cluster.peer(1).raw.propose(bytes(name));
  cluster.settle();
  cluster.isolate(1, 3);
  cluster.elect(2);
  cluster.heal();
  cluster.tick(3, [2]);
  cluster.elect(1);
  cluster.reaches = within(1, 5);
  for (const name of ['x', 'y']) cluster.peer(1).raw.propose(bytes(name));
  cluster.settle();
  for (const message of late) cluster.peer(1).raw.step(message);
  cluster.settle();
  cluster.isolate(1, 5);
  cluster.elect(2);
  insistAgreement(cluster);
}

/** Three writes of a follower wait behind each other: the first is done, but the second is yet to replace it (ABA). */
function replacedAndBroughtBack(): void {
  const cluster = new Cluster({ voters: [1, 2, 3], peer: { asyncStorageWrites: true } });
  const peer = cluster.peer(3);
  const entry = (index: number, term: number, data: Uint8Array): Entry => ({
    index: index as LogIndex,
    term: term as Term,
    type: EntryType.normal,
    data,
  });
  const hear = (from: number, term: number, entries: readonly Entry[], commit: number): void => {
    const fields = { to: id(3), from: id(from), term: term as Term, index: 1 as LogIndex };
    peer.raw.step(makeMessage(MessageType.app, { ...fields, entries, commit: commit as LogIndex }));
    peer.work();
  };
  const first = entry(2, 1, bytes('of term 1'));
  hear(1, 1, [first], 1);
  hear(2, 2, [entry(2, 2, bytes('of term 2'))], 1);
  hear(1, 3, [first, entry(3, 3, EMPTY_BYTES)], 3);
  for (const write of ['first', 'second', 'third']) {
    if (peer.appendWork.length === 0) throw new Error(`the ${write} write is missing`);
    peer.executeAppend();
    if (write === 'first') continue;
    peer.work();
    while (peer.applyWork.length > 0) peer.executeApply();
  }
  const terms = peer.applied.map(({ term }) => term).join();
  if (terms !== '1,3') throw new Error(`entries of terms ${terms} are applied`);
}

/** A snapshot comes late, to a follower that has acknowledged entries after it without knowing that they count. */
function outgrownSnapshot(): void {
  const cluster = new Cluster({ voters: [1, 2, 3] });
  cluster.elect(1);
  cluster.reaches = ({ from, to, type, entries }) =>
    from !== id(2) && to !== id(2) && (type !== MessageType.app || entries.length > 0);
  for (const name of ['a', 'b']) cluster.peer(1).raw.propose(bytes(name));
  cluster.settle();
  const { applied, disk } = cluster.peer(1);
  if (applied.length !== 3) throw new Error('the leader has not committed what its follower acknowledged');
  const history = applied.slice(0, 2).map((entry) => ({ ...entry, data: [...entry.data] }));
  const { index, term } = applied[1]!;
  const snapshot: Snapshot = {
    metadata: { index, term, confState: disk.applied.metadata.confState },
    data: new TextEncoder().encode(JSON.stringify(history)),
  };
  cluster.peer(3).raw.step(makeMessage(MessageType.snap, { to: id(3), from: id(1), term, snapshot }));
  cluster.isolate(1);
  cluster.settle();
  cluster.elect(3);
  insistAgreement(cluster);
}

/**
 * A peer stands for election because its leader asked it to, and nobody hears it. It is in a later term then than the
 * leader, whom all others follow, and who has to learn of that.
 */
function aheadOfItsLeader(): void {
  const cluster = new Cluster({ voters: [1, 2, 3], peer: { preVote: true, checkQuorum: true } });
  cluster.elect(1);
  cluster.peer(1).raw.transferLeader(id(3));
  cluster.reaches = ({ from }) => from !== id(3);
  cluster.settle();
  cluster.heal();
  cluster.tick(100);
  const terms = [...cluster.peers.values()].map(({ raw }) => raw.basicStatus().hardState.term);
  if (new Set(terms).size > 1) throw new Error(`the peers stay in terms ${terms.join()}`);
}

/** A change of the membership is committed, but a peer has yet to apply it when it is asked to stand for election. */
function withUnappliedChange(): void {
  const cluster = new Cluster({ voters: [1, 2, 3], spare: [4], peer: { asyncStorageWrites: true } });
  const peer = cluster.peer(3);
  const change: ConfChange = {
    version: 2,
    transition: ConfChangeTransition.auto,
    steps: [{ kind: ConfChangeKind.addVoter, peer: id(4) }],
    context: EMPTY_BYTES,
  };
  const entry: Entry = {
    index: 2 as LogIndex,
    term: 1 as Term,
    type: entryTypeOf(change),
    data: encodeConfChange(change),
  };
  const place = { to: id(3), from: id(1), term: 1 as Term, index: 1 as LogIndex };
  peer.raw.step(makeMessage(MessageType.app, { ...place, entries: [entry], commit: 2 as LogIndex }));
  peer.work();
  while (peer.appendWork.length > 0) peer.executeAppend();
  peer.work();
  if (peer.applyWork.length === 0) throw new Error('the change is not committed');
  peer.raw.campaign();
  if (peer.raw.basicStatus().role !== RaftRole.follower) {
    throw new Error('a peer stands for election that does not know yet who votes');
  }
}

/** What one peer has applied, every other has applied too, or nothing there. */
function insistAgreement(cluster: Cluster): void {
  const known = new Map<number, string>();
  for (const { id: peer, applied } of cluster.peers.values()) {
    for (const { index, term, data } of applied) {
      const text = `${term} ${[...data].join()}`;
      const other = known.get(index);
      if (other !== undefined && other !== text) throw new Error(`peer ${peer} has applied another entry ${index}`);
      known.set(index, text);
    }
  }
}
