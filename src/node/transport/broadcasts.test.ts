import { beforeEach, describe, expect, it } from 'vitest';
import { outcomeOf, PairWorld, type PairNode } from '../../testing/pair-world.ts';
import { OLD_EPOCH_MS } from '../ring/ring-keys.ts';
import { SALT_MS } from './broadcasts.ts';
import { EVERYBODY } from './cluster-keys.ts';
import { parseHeader } from './frame-header.ts';
import { testIdentity } from '../../testing/test-identity.ts';

const PAYLOAD = Uint8Array.of(1, 2, 3);
const KEYS = [1, 2, 3, 4].map((byte) => new Uint8Array(32).fill(byte));
let world: PairWorld;
let a: PairNode;
let b: PairNode;
let c: PairNode;

const adopt = (epoch: number, atOnce = false, nodes: Iterable<PairNode> = world.nodes): void => {
  for (const node of nodes) node.ring.adopt({ epoch, key: KEYS[epoch]! }, atOnce);
  world.deliver();
};
const pass = (ms: number): void => {
  world.nowMs += ms;
  for (const node of world.nodes) node.broadcasts.onTick();
  world.deliver();
};

beforeEach(() => {
  world = new PairWorld();
  [a, b, c] = [1, 2, 3].map((n) => world.start(`n${n}`, { boot: 100 * n })) as [PairNode, PairNode, PairNode];
  world.enroll(a, b, c);
  world.acquaint();
  adopt(1);
  pass(1_000);
});

describe('frames for everybody', () => {
  it('are sealed once and opened by all who have said that they hold the key', () => {
    expect([a.isReadyFor(b), a.isReadyFor(c), b.isReadyFor(c)]).toEqual([true, true, true]);
    const frame = a.sealForAll(PAYLOAD, 'raft-shared', [b, c]);
    for (const node of [b, c]) {
      expect(node.receive(frame)).toMatchObject({ outcome: 'frame', payload: PAYLOAD, pair: { name: 'n1' } });
      expect(outcomeOf(node.receive(frame))).toBe('replayed');
    }
    const signal = a.sealForAll(PAYLOAD, 'signal');
    for (const node of [b, c]) expect(outcomeOf(node.receive(signal))).toBe('frame');
  });

  it('mean nothing to those whom they do not name', () => {
    expect(outcomeOf(c.receive(a.sealForAll(PAYLOAD, 'raft-shared', [b])))).toBe('done');
  });

  it('are announced to members only', () => {
    const stranger = world.start('n9', { boot: 900 });
    for (const { name } of [a, b, c]) stranger.members.set(name, testIdentity(name).public);
    stranger.pairs.introduce(EVERYBODY);
    world.deliver();
    expect(a.pairs.allOf(stranger.name)[0]!.current).toBeDefined();
    pass(SALT_MS);
    const told = world.recorded.filter(({ frame }) => parseHeader(frame)?.kind === 'salt').map(({ to }) => to);
    expect(new Set(told)).toEqual(new Set([a.name, b.name, c.name]));
  });

  it('are refused with any bit changed, wherever', () => {
    for (let at = 0; ; at += 1) {
      const frame = a.sealForAll(PAYLOAD, 'raft-shared', [b]);
      if (at >= frame.length) break;
      frame[at]! ^= 1;
      expect(b.receive(frame).outcome).not.toBe('frame');
    }
  });

  it('get another key every minute, and none of them is lost', () => {
    let opened = 0;
    for (let second = 0; second < 200; second += 1) {
      pass(1_000);
      expect(a.isReadyFor(b)).toBe(true);
      if (b.receive(a.sealForAll(PAYLOAD, 'raft-shared', [b])).outcome === 'frame') opened += 1;
    }
    expect(opened).toBe(200);
    expect(200 * 1_000).toBeGreaterThan(3 * SALT_MS);
  });

  it('are not for a new process before it holds the key', () => {
    world.nodes.delete(b);
    const next = world.start('n2', { boot: 201 });
    world.enroll(a, b, c);
    next.pairs.introduce(EVERYBODY);
    world.deliver();
    expect(a.isReadyFor(next)).toBe(false);
    adopt(1, false, [next]);
    pass(1_000);
    expect(a.isReadyFor(next)).toBe(true);
    expect(outcomeOf(next.receive(a.sealForAll(PAYLOAD, 'raft-shared', [next, c])))).toBe('frame');
  });
});

describe('a member that forges', () => {
  it('another’s append cannot, though it holds the key of the ring and the salt', () => {
    // c knows all that a derives its key from; what it lacks is a's sessions with the others.
    const posing = a.sealForAll(PAYLOAD, 'raft-shared', [c]);
    // With a tag that c can make: in its own session with b.
    const own = c.sealForAll(PAYLOAD, 'raft-shared', [b]);
    const spliced = Buffer.concat([posing.subarray(0, -25), own.subarray(-25)]);
    expect(outcomeOf(b.receive(spliced))).toBe('done');
    // With one of a's for another frame.
    const genuine = a.sealForAll(PAYLOAD, 'raft-shared', [b]);
    expect(outcomeOf(b.receive(Buffer.concat([posing.subarray(0, -25), genuine.subarray(-25)])))).toBe('forged');
    expect(outcomeOf(b.receive(genuine))).toBe('frame');
  });
});

describe('when the key of the ring changes', () => {
  it('by schedule, that of before is taken for a minute', () => {
    const late = a.sealForAll(PAYLOAD, 'raft-shared', [b]);
    const later = a.sealForAll(PAYLOAD, 'raft-shared', [b]);
    adopt(2);
    pass(1_000);
    expect(outcomeOf(b.receive(late))).toBe('frame');
    world.nowMs += OLD_EPOCH_MS;
    expect(outcomeOf(b.receive(later))).toBe('old-key');
  });

  it('whoever does not have it yet is spoken to with the old one, until patience ends', () => {
    adopt(2, false, [a, c]);
    expect(outcomeOf(b.receive(a.sealForAll(PAYLOAD, 'raft-shared', [b])))).toBe('frame');
    expect(a.isReadyFor(b)).toBe(true);
    pass(1_000);
    pass(2_000);
    expect([a.isReadyFor(b), a.isReadyFor(c)]).toEqual([false, true]);
    adopt(2, false, [b]);
    pass(1_000);
    expect(a.isReadyFor(b)).toBe(true);
  });

  it('because a node was taken out, that of before is refused at once, both ways', () => {
    const before = c.sealForAll(PAYLOAD, 'signal');
    for (const node of [a, b]) node.members.delete(c.name);
    adopt(2, true, [a, b]);
    pass(1_000);
    expect(outcomeOf(b.receive(before))).toBe('stranger');
    expect(outcomeOf(b.receive(c.sealForAll(PAYLOAD, 'raft-shared', [b])))).toBe('stranger');
    // Nobody tells it the salt, and it has not the key: it can neither open nor derive anything.
    expect(a.isReadyFor(c)).toBe(false);
    const after = a.sealForAll(PAYLOAD, 'raft-shared', [b]);
    expect(c.receive(after).outcome).toBe('dropped');
    expect(outcomeOf(b.receive(after))).toBe('frame');
    // Also where it keeps being listed: the key alone does not count.
    b.members.set(c.name, a.members.get(b.name)!);
    expect(b.receive(c.sealForAll(PAYLOAD, 'signal')).outcome).toBe('dropped');
  });

  it('the numbers of an old salt are not used again after the clock was set', () => {
    const frame = a.sealForAll(PAYLOAD, 'signal');
    a.broadcasts.renew(true);
    world.deliver();
    const next = a.sealForAll(PAYLOAD, 'signal');
    expect(next.subarray(18, 34).equals(frame.subarray(18, 34))).toBe(false);
    expect(outcomeOf(b.receive(next))).toBe('frame');
  });
});
