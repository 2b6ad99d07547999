import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { outcomeOf, PairWorld, PAIR_CLUSTER, type PairNode } from '../../testing/pair-world.ts';
import { testIdentity } from '../../testing/test-identity.ts';
import { EVERYBODY } from './cluster-keys.ts';
import { RENEW_MS } from './pairs.ts';
import { SESSION_MS_MAX } from './pair.ts';
import type { ClusterId } from '../../protocol/ids.ts';

const PAYLOAD = Uint8Array.of(1, 2, 3);
let world: PairWorld;
let a: PairNode;
let b: PairNode;
beforeEach(() => {
  world = new PairWorld();
  a = world.start('n1', { boot: 100 });
  b = world.start('n2', { boot: 200 });
  world.enroll(a, b);
  world.acquaint();
});

/** Without a word: only what it hid in its memory is gone. */
function restart(node: PairNode, boot: number): PairNode {
  world.nodes.delete(node);
  const next = world.start(node.name, { boot });
  world.enroll(a, b);
  return next;
}

describe('two nodes that have met', () => {
  it('open what the other sealed', () => {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const received = to.receive(from.seal(to));
      expect(received).toMatchObject({ outcome: 'frame', payload: PAYLOAD, abandoned: 0 });
      expect(received).toMatchObject({ pair: { name: from.name, boot: from.boot } });
    }
    expect([a.met.length, b.met.length]).toEqual([1, 1]);
    expect([a.pairs.bootOf(b.name), b.pairs.bootOf(a.name)]).toEqual([200, 100]);
  });

  it('hide the content and never repeat a ciphertext', () => {
    const text = new Uint8Array(Buffer.from('canary canary canary'));
    const [first, second] = [a.seal(b, 'raft', text), a.seal(b, 'raft', text)];
    expect(first.includes('canary')).toBe(false);
    expect(first.subarray(-20).equals(second.subarray(-20))).toBe(false);
  });

  it('cut large payloads and put them together in any order', () => {
    const large = new Uint8Array(200_000).map((_, i) => i % 251);
    const frames = a.sealAll(b, 'snapshot-chunk', large);
    expect(frames).toHaveLength(4);
    const last = frames
      .toReversed()
      .map((frame) => b.receive(frame))
      .at(-1)!;
    expect(Buffer.compare(last.outcome === 'frame' ? last.payload! : Buffer.alloc(0), large)).toBe(0);
  });

  it('refuse a frame that comes twice or too late', () => {
    const [early, again] = [a.seal(b), a.seal(b)];
    expect(outcomeOf(b.receive(again))).toBe('frame');
    expect(outcomeOf(b.receive(again))).toBe('replayed');
    for (let i = 0; i < 1_100; i += 1) b.receive(a.seal(b));
    expect(outcomeOf(b.receive(early))).toBe('stale');
  });

  it('refuse a frame with any bit changed, wherever, cut short anywhere, and noise', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const frame = a.seal(b);
        const place = at % frame.length;
        frame[place] = frame[place]! ^ (1 << bit);
        expect(b.receive(frame).outcome).not.toBe('frame');
      }),
      { numRuns: 500 },
    );
    const frame = a.seal(b);
    for (let length = 0; length < frame.length; length += 1) {
      expect(b.receive(frame.subarray(0, length)).outcome).not.toBe('frame');
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => b.receive(Buffer.from(noise)).outcome !== 'frame'),
    );
    expect(outcomeOf(b.receive(frame))).toBe('frame');
  });

  it('are members of one cluster, or hear nothing but hellos of each other', () => {
    b.pairs.bindTo(`C${'b'.repeat(26)}` as ClusterId);
    expect(outcomeOf(b.receive(a.seal(b)))).toBe('foreign');
    expect(outcomeOf(b.receive(a.seal(b, 'hello')))).toBe('frame');
    const moved = a.seal(b);
    moved.set(b.pairs.clusterMark, 46);
    expect(outcomeOf(b.receive(moved))).toBe('forged');
    b.pairs.bindTo(PAIR_CLUSTER);
    expect(outcomeOf(b.receive(a.seal(b)))).toBe('frame');
  });

  it('agree on new keys every ten minutes, and hear what was still on its way', () => {
    const late = a.seal(b);
    const before = a.pairs.holder(b.name)!.current;
    for (let minute = 0; minute < 120; minute += 1) {
      world.nowMs += RENEW_MS / 10;
      for (const node of world.nodes) node.pairs.onTick();
      world.deliver();
      if (minute === 10) expect(outcomeOf(b.receive(late))).toBe('frame');
      expect(outcomeOf(b.receive(a.seal(b)))).toBe('frame');
      expect(outcomeOf(a.receive(b.seal(a)))).toBe('frame');
    }
    const after = a.pairs.holder(b.name)!.current!;
    expect(world.nowMs - after.bornMs).toBeLessThanOrEqual(RENEW_MS);
    expect(after).not.toBe(before);
    // Nobody was taken for another process.
    expect([a.met.length, b.met.length]).toEqual([1, 1]);
  });

  it('forget the keys with somebody who is gone', () => {
    world.nodes.delete(b);
    world.nowMs += SESSION_MS_MAX;
    a.pairs.onTick();
    expect(a.sealAll(b, 'raft', PAYLOAD)).toEqual([]);
    expect(a.pairs.bootOf(b.name)).toBeUndefined();
  });

  it('meet again after either restarts, and hear nothing of its former process', () => {
    const recorded = a.seal(b);
    const next = restart(a, 101);
    next.pairs.introduce(EVERYBODY);
    world.deliver();
    expect(b.met.map(({ boot }) => boot)).toEqual([101, 101]);
    expect(b.met[0]).toBe(b.met[1]);
    expect(outcomeOf(b.receive(next.seal(b)))).toBe('frame');
    expect(outcomeOf(next.receive(b.seal(next)))).toBe('frame');
    expect(['unbound', 'old-boot']).toContain(outcomeOf(b.receive(recorded)));
    expect(outcomeOf(b.receive(a.seal(b)))).not.toBe('frame');
  });

  it('hear nothing of a former process in a session that it had begun, and another one was there first', () => {
    a.pairs.renewAll(false);
    const begun = world.letters.splice(0);
    for (const { frame } of begun) b.receive(frame);
    for (const { frame } of world.letters.splice(0)) a.receive(frame);
    const confirmation = world.letters.splice(0).map(({ frame }) => frame);
    const late = a.seal(b);
    const next = restart(a, 101);
    next.pairs.introduce(EVERYBODY);
    world.deliver();
    expect(b.pairs.bootOf(a.name)).toBe(101);
    for (const frame of [...confirmation, late]) expect(outcomeOf(b.receive(frame))).toBe('old-boot');
    expect(b.pairs.bootOf(a.name)).toBe(101);
  });

  it('find out that the other does not know them', () => {
    const next = restart(b, 201);
    // It slept through the introduction.
    expect(next.receive(a.seal(b)).outcome).toBe('unbound');
    next.pairs.introduce(a.name, a.boot);
    world.deliver();
    expect(outcomeOf(next.receive(a.seal(next)))).toBe('frame');
  });

  it('find each other though any of the first frames is lost', () => {
    for (let lost = 0; lost < 5; lost += 1) {
      const [c, d] = [world.start('n1', { boot: 300 + lost }), world.start('n2', { boot: 400 + lost })];
      world.nodes.clear();
      world.nodes.add(c).add(d);
      world.enroll(c, d);
      c.pairs.introduce(EVERYBODY);
      for (let step = 0; world.letters.length > 0; step += 1) {
        const letter = world.letters.shift()!;
        if (step === lost) continue;
        (letter.from === c ? d : c).receive(letter.frame);
      }
      for (let second = 0; second < 6; second += 1) {
        world.nowMs += 1_000;
        for (const node of world.nodes) node.pairs.onTick();
        c.pairs.introduce(EVERYBODY);
        d.pairs.introduce(EVERYBODY);
        world.deliver();
      }
      d.receive(c.seal(d));
      expect(outcomeOf(c.receive(d.seal(c)))).toBe('frame');
    }
  });
});

describe('a replay', () => {
  it('of everything from before a restart gets nothing across', () => {
    const frames = [...world.recorded.map(({ frame }) => frame), a.seal(b), a.seal(b, 'hello')];
    const next = restart(b, 201);
    for (const frame of frames) next.receive(frame);
    expect(next.met).toEqual([]);
    expect(next.heard.some(({ outcome }) => outcome === 'frame')).toBe(false);
    // What they answer to it does not help whoever replays either.
    world.nodes.delete(a);
    world.deliver();
    for (const frame of frames) next.receive(frame);
    expect(next.met).toEqual([]);
    expect(next.pairs.bootOf(a.name)).toBeUndefined();
  });

  it('of the handshake changes nothing for those who made it', () => {
    const session = b.pairs.holder(a.name)!.current;
    for (const { frame } of world.recorded) for (const node of [a, b]) node.receive(frame);
    for (let i = 0; i < 10; i += 1) for (const { frame } of world.recorded) b.receive(frame);
    expect(b.pairs.holder(a.name)!.current).toBe(session);
    expect(outcomeOf(b.receive(a.seal(b)))).toBe('frame');
    expect(outcomeOf(a.receive(b.seal(a)))).toBe('frame');
  });
});

describe('a member that forges', () => {
  it('another’s vote or acknowledgement cannot, for it has no session of theirs', () => {
    const c = world.start('n3', { boot: 300 });
    world.enroll(a, b, c);
    world.acquaint();
    // In its own session it can only be itself, whatever name it writes into the header.
    const frame = c.seal(b);
    const posing = Buffer.from(frame);
    posing[frame.indexOf('\x02n3', 50, 'latin1') + 2] = 0x31;
    expect(outcomeOf(b.receive(posing))).toBe('unbound');
    // Nor can it give out its keys for another's.
    const posed = world.start('n1', { boot: 999, identity: testIdentity('n3') });
    world.enroll(a, b, c);
    posed.pairs.introduce(EVERYBODY);
    world.deliver();
    expect(b.pairs.holder(a.name)!.boot).toBe(100);
    expect(posed.sealAll(b, 'raft', PAYLOAD).map((each) => outcomeOf(b.receive(each)))).not.toContain('frame');
  });

  it('keys that it does not hold cannot, though it holds the secret', () => {
    const [own, victim] = [testIdentity('n9'), testIdentity('n1')];
    const identity = {
      public: victim.public,
      agreement: { ...own.agreement, publicKey: victim.agreement.publicKey },
      signing: { ...own.signing, publicKey: victim.signing.publicKey },
    };
    const thief = world.start('n1', { boot: 999, identity });
    thief.pairs.introduce(EVERYBODY);
    world.deliver();
    expect(b.heard.map(outcomeOf)).toContain('forged');
    expect(b.pairs.holder(a.name)!.boot).toBe(100);
  });
});

describe('a stranger', () => {
  it('who holds the secret may say hello, and nothing else', () => {
    const c = world.start('n3', { boot: 300 });
    c.members.set(b.name, testIdentity('n2').public);
    c.pairs.introduce(EVERYBODY);
    world.deliver();
    expect(outcomeOf(b.receive(c.seal(b, 'hello')))).toBe('frame');
    expect(outcomeOf(b.receive(c.seal(b, 'raft')))).toBe('stranger');
    expect(outcomeOf(b.receive(c.seal(b, 'forward')))).toBe('stranger');
  });

  it('with the name of a member does not get in its way', () => {
    const impostor = world.start('n1', { boot: 999, identity: testIdentity('x1') });
    impostor.members.set(b.name, testIdentity('n2').public);
    impostor.pairs.introduce(EVERYBODY);
    world.deliver();
    expect(outcomeOf(b.receive(impostor.seal(b, 'raft')))).toBe('stranger');
    expect(b.pairs.holder(a.name)).toMatchObject({ boot: 100, identity: testIdentity('n1').public });
    expect(outcomeOf(b.receive(a.seal(b)))).toBe('frame');
    // But it can ask to take its place.
    expect(b.receive(impostor.seal(b, 'hello'))).toMatchObject({ pair: { identity: testIdentity('x1').public } });
    expect(b.pairs.allOf(a.name)).toHaveLength(2);
  });

  it('without the secret is not heard at all', () => {
    const c = world.start('n3', { boot: 300, secret: new Uint8Array(32).fill(9) });
    c.pairs.introduce(EVERYBODY);
    world.deliver();
    expect(b.pairs.allOf(c.name)).toEqual([]);
    expect(b.heard.map(outcomeOf)).toContain('forged');
  });

  it('becomes a member when the membership lists its keys, and ceases to be one when it does not', () => {
    const c = world.start('n3', { boot: 300 });
    c.members.set(b.name, testIdentity('n2').public);
    c.pairs.introduce(EVERYBODY);
    world.deliver();
    b.members.set(c.name, testIdentity('n3').public);
    expect(outcomeOf(b.receive(c.seal(b, 'raft')))).toBe('frame');
    b.members.delete(c.name);
    expect(outcomeOf(b.receive(c.seal(b, 'raft')))).toBe('stranger');
  });
});

describe('another process of the same node', () => {
  it('is recognised by both when it has the same keys', () => {
    const twin = world.start('n1', { boot: 150 });
    twin.pairs.introduce(EVERYBODY);
    world.deliver();
    expect(a.heard).toContainEqual({ outcome: 'namesake', boot: 150 });
    expect(twin.heard).toContainEqual({ outcome: 'namesake', boot: 100 });
  });

  it('is none of its business when it has others, or said something before it began', () => {
    const other = world.start('n1', { boot: 150, identity: testIdentity('x1') });
    other.pairs.introduce(EVERYBODY);
    world.deliver();
    const earlier = world.start('n1', { boot: 90 });
    earlier.pairs.introduce(EVERYBODY);
    world.nodes.delete(earlier);
    world.deliver();
    expect(a.heard.map(outcomeOf)).not.toContain('namesake');
  });
});

describe('after a jump of the clock', () => {
  it('nothing is sealed in the old sessions, and new ones are there at once', () => {
    const before = a.pairs.holder(b.name)!.current;
    a.pairs.renewAll(true);
    expect(a.sealAll(b, 'raft', PAYLOAD)).toEqual([]);
    world.deliver();
    expect(outcomeOf(b.receive(a.seal(b)))).toBe('frame');
    expect(a.pairs.holder(b.name)!.current).not.toBe(before);
    expect(outcomeOf(a.receive(b.seal(a)))).toBe('frame');
  });

  it('that was but a pause, the old ones serve until then', () => {
    a.pairs.renewAll(false);
    expect(outcomeOf(b.receive(a.seal(b)))).toBe('frame');
    world.deliver();
    expect(outcomeOf(b.receive(a.seal(b)))).toBe('frame');
  });
});

it('takes boot ids that are none for a mistake', () => {
  expect(() => world.start('n1', { boot: 0 })).toThrow(/boot id/);
  expect(() => world.start('n1', { boot: 2 ** 53 })).toThrow(/boot id/);
});
