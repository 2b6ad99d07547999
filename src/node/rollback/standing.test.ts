import { describe, expect, it } from 'vitest';
import { makeMessage, MessageType } from '../../consensus/message.ts';
import {
  EMPTY_CONF_STATE,
  peerId,
  type ConfState,
  type LogIndex,
  type PeerId,
  type Term,
} from '../../consensus/types.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { StoreHistory } from '../store/node-store.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { decodeHello, encodeHello } from '../hello.ts';
import { withStart, type Lineage } from './lineage.ts';
import { Standing, type Verdict } from './standing.ts';
import type { Sighting } from './witness.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';

/** What outlives the process. */
class Disk {
  readonly log = new MemoryLogStore();
  lineage: Lineage = { since: 0, starts: [] };
  refusal: string | undefined;
  sightings: readonly Sighting[] = [];
  boots = 0;

  copy(): Disk {
    const { lineage, refusal, sightings, boots } = this;
    return Object.assign(new Disk(), { lineage, refusal, sightings, boots });
  }

  get history(): StoreHistory {
    const lineage = (): Lineage => this.lineage;
    const refusal = (): string | undefined => this.refusal;
    return {
      get lineage() {
        return lineage();
      },
      get refusal() {
        return refusal();
      },
      confirm: () => Promise.resolve(void (this.lineage = { since: this.boots, starts: [this.boots] })),
      refuse: (reason) => Promise.resolve(void (this.refusal = reason)),
      sightings: this.sightings,
      saveSightings: (sightings) => Promise.resolve(void (this.sightings = sightings)),
    };
  }
}

interface Node {
  readonly standing: Standing;
  readonly disk: Disk;
  readonly problems: string[];
}

const VOTERS: ConfState = { ...EMPTY_CONF_STATE, voters: [1, 2, 3].map(peerId) };
let clock = 100;

function start(peer: number, disk: Disk, confState: ConfState = VOTERS, appliedIndex = 0): Node {
  disk.boots = clock += 1;
  disk.lineage = withStart(disk.lineage, disk.boots);
  const problems: string[] = [];
  const standing = new Standing({
    store: {
      bootId: disk.boots,
      history: disk.history,
      log: disk.log,
      state: { appliedIndex: appliedIndex as LogIndex },
    },
    confState: () => confState,
    isMember: () => true,
    onRefused: (problem) => problems.push(problem),
    onFatal: (error) => {
      throw error;
    },
  });
  standing.begin(peerId(peer));
  return { standing, disk, problems };
}

/** `a` says hello to `b`, and hears what that answers; all through the codec. */
async function meet(a: Node, b: Node): Promise<void> {
  const travel = (fields: { life?: ReturnType<Standing['life']>; verdict?: Verdict }): ReturnType<typeof decodeHello> =>
    decodeHello(
      'n1' as NodeName,
      null,
      encodeHello({
        node: 'n1' as NodeName,
        membership: { kind: 'member', clusterId: `C${'a'.repeat(26)}` as ClusterId },
        peers: [],
        incarnation: null,
        identity: null,
        founders: null,
        table: null,
        life: null,
        verdict: null,
        ...fields,
      }),
    );
  let tells = true;
  while (tells) {
    tells = false;
    const life = travel({ life: a.standing.life() })!.life;
    if (life === null) return;
    let verdict: Verdict | undefined;
    b.standing.meet(life, (answer) => (verdict = answer));
    await new Promise((resolve) => setImmediate(resolve));
    if (verdict !== undefined) tells = a.standing.learn(travel({ verdict })!.verdict!);
  }
}

const append = (disk: Disk, term: number, index: number): Promise<void> =>
  new Promise((resolve) => {
    const hardState = { term: term as Term, vote: 1 as PeerId, commit: 0 as LogIndex };
    const entry = { term: term as Term, index: index as LogIndex, type: 'normal' as const, data: new Uint8Array(1) };
    disk.log.append({ hardState, entries: [entry] }, resolve);
  });

describe('the standing of a node', () => {
  it('lets all nodes of a cluster that start at once confirm each other', async () => {
    const nodes = [1, 2, 3].map((peer) => start(peer, new Disk()));
    expect(nodes.map(({ standing }) => standing.takesPart)).toEqual([false, false, false]);
    await meet(nodes[0]!, nodes[1]!);
    expect(nodes[0]!.standing.takesPart).toBe(true);
    await meet(nodes[1]!, nodes[2]!);
    await meet(nodes[2]!, nodes[1]!);
    expect(nodes.map(({ standing }) => standing.takesPart)).toEqual([true, true, true]);
    expect(nodes[1]!.disk.sightings.map(({ peer }) => peer)).toEqual([1, 3]);
  });

  it('lets the only voter take part at once, but not before it knows that it is', () => {
    const alone: ConfState = { ...EMPTY_CONF_STATE, voters: [peerId(1)], learners: [peerId(2)] };
    expect(start(1, new Disk(), alone).standing.takesPart).toBe(true);
    const joint: ConfState = { ...alone, votersOutgoing: [peerId(1), peerId(3)] };
    expect(start(1, new Disk(), joint).standing.takesPart).toBe(false);
    const disk = new Disk();
    disk.log.append(
      { hardState: { term: 1 as Term, vote: 1 as PeerId, commit: 5 as LogIndex }, entries: [] },
      () => {},
    );
    expect(start(1, disk, alone).standing.takesPart).toBe(false);
    // Its state is lost, and the membership with it.
    expect(start(1, new Disk(), EMPTY_CONF_STATE).standing.takesPart).toBe(false);
  });

  it('does not rest on the word of a learner', async () => {
    const [node, learner] = [start(1, new Disk()), start(4, new Disk())];
    await meet(node, learner);
    expect(node.standing.isComparing).toBe(true);
  });

  it('rests on the word of a voter that has not heard yet that it votes', async () => {
    const former: ConfState = { ...EMPTY_CONF_STATE, voters: [peerId(1)], learners: [peerId(2)] };
    const pair: ConfState = { ...EMPTY_CONF_STATE, voters: [peerId(1), peerId(2)] };
    const node = start(1, new Disk(), pair, 8);
    await meet(node, start(2, new Disk(), former, 7));
    expect(node.standing.takesPart).toBe(true);
  });

  it('rests on the word of a former voter that knows it to be the only one left', async () => {
    const leaving: ConfState = { ...EMPTY_CONF_STATE, voters: [peerId(1)], votersOutgoing: [peerId(1), peerId(2)] };
    const left: ConfState = { ...EMPTY_CONF_STATE, voters: [peerId(1)], learners: [peerId(2)] };
    const node = start(1, new Disk(), leaving, 8);
    await meet(node, start(2, new Disk(), left, 9));
    expect(node.standing.takesPart).toBe(true);
    const third = start(3, new Disk(), leaving, 8);
    await meet(third, start(2, new Disk(), left, 9));
    expect(third.standing.isComparing).toBe(true);
  });

  it('does not rest on the word of one that has stopped to vote since, whoever of the two knows', async () => {
    const pair: ConfState = { ...EMPTY_CONF_STATE, voters: [peerId(1), peerId(2)] };
    const later: ConfState = { ...EMPTY_CONF_STATE, voters: [peerId(1), peerId(3)], learners: [peerId(2)] };
    const behind = start(1, new Disk(), pair, 8);
    await meet(behind, start(2, new Disk(), later, 9));
    expect(behind.standing.isComparing).toBe(true);
    const ahead = start(1, new Disk(), later, 9);
    await meet(ahead, start(2, new Disk(), pair, 8));
    expect(ahead.standing.isComparing).toBe(true);
  });

  it('ends with a copy made before the last start, in both and for good', async () => {
    const witness = start(2, new Disk());
    const disk = new Disk();
    await meet(start(1, disk), witness);
    const copy = disk.copy();
    await meet(start(1, disk), witness);
    const restored = start(1, copy);
    await meet(restored, witness);
    expect(restored.standing.takesPart).toBe(false);
    expect(restored.problems).toEqual([expect.stringContaining('chatctl member replace')]);
    await waitUntil(() => copy.refusal !== undefined);
    const heartbeat = makeMessage(MessageType.appResp, { from: peerId(1), to: peerId(2) });
    await meet(witness, start(3, new Disk()));
    expect(witness.standing.hears(heartbeat)).toBe(false);
    const again = start(1, copy);
    expect(again.standing.problem).toContain('an old copy');
    expect(again.standing.takesPart).toBe(false);
  });

  it('ends with a copy made during the last start once more was acknowledged', async () => {
    const leader = start(2, new Disk());
    await meet(leader, start(3, new Disk()));
    const disk = new Disk();
    await meet(start(1, disk), leader);
    const copy = disk.copy();
    await append(leader.disk, 1, 1);
    await append(disk, 1, 1);
    const acknowledged = { term: 1 as Term, index: 1 as LogIndex, from: peerId(1), to: peerId(2) };
    expect(leader.standing.hears(makeMessage(MessageType.appResp, acknowledged))).toBe(true);
    const restored = start(1, copy);
    await meet(restored, leader);
    expect(restored.problems).toHaveLength(1);
    // The directory that was in use has all of it.
    const node = start(1, disk);
    await meet(node, leader);
    expect(node.standing.takesPart).toBe(true);
    expect(leader.standing.hears(makeMessage(MessageType.appResp, acknowledged))).toBe(true);
  });

  it('is confirmed only once its start is on the disk of who confirms it', async () => {
    const witness = start(2, new Disk());
    let saved: () => void = () => {};
    const slow = new Standing({
      store: {
        bootId: 1,
        history: {
          ...witness.disk.history,
          saveSightings: () => new Promise((resolve) => (saved = resolve)),
        },
        log: witness.disk.log,
        state: { appliedIndex: 0 as LogIndex },
      },
      confState: () => VOTERS,
      isMember: () => true,
      onRefused: () => {},
      onFatal: () => {},
    });
    slow.begin(peerId(2));
    const node = start(1, new Disk());
    const answers: Verdict[] = [];
    slow.meet(node.standing.life()!, (answer) => answers.push(answer));
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toEqual([]);
    saved();
    await waitUntil(() => answers.length === 1);
  });

  it('says nothing more of itself when another process runs as the same node', () => {
    const { standing, problems } = start(1, new Disk());
    standing.refuse('Another process runs as n1.');
    expect([standing.life(), standing.takesPart, standing.problem]).toEqual([null, false, problems[0]]);
  });
});
