import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import { ClusterKeys } from './cluster-keys.ts';
import { FrameSealing, type Opened } from './frame-sealing.ts';

const n1 = 'n1' as NodeName;
const n2 = 'n2' as NodeName;
const keys = new ClusterKeys(new Uint8Array(32).fill(1));
const PIECE = 64 * 1024;
const payload = Uint8Array.of(1, 2, 3);

const sealing = (self: NodeName, boot: number, clusterKeys = keys): FrameSealing =>
  new FrameSealing({ self, boot, keys: clusterKeys });

/** Both learn the other's boot by one greeting each way. */
function acquaint(
  a: FrameSealing,
  aName: NodeName,
  aBoot: number,
  b: FrameSealing,
  bName: NodeName,
  bBoot: number,
): void {
  b.open(a.sealGreeting(bName, bBoot));
  a.open(b.sealGreeting(aName, aBoot));
}

const outcomeOf = (opened: Opened): string => (opened.outcome === 'dropped' ? opened.reason : opened.outcome);
const direct = (from: FrameSealing, to: NodeName, content = payload): Buffer => {
  const frame = from.seal(to, 'hello', content, PIECE)?.[0];
  if (frame === undefined) throw new Error('the receiver is not known');
  return frame;
};
const forAll = (from: FrameSealing): Buffer => {
  const frame = from.sealForEverybody('node-info', payload, PIECE)[0];
  if (frame === undefined) throw new Error('nothing was sealed');
  return frame;
};

let a = sealing(n1, 100);
let b = sealing(n2, 200);
beforeEach(() => {
  a = sealing(n1, 100);
  b = sealing(n2, 200);
  acquaint(a, n1, 100, b, n2, 200);
});

describe('clusters', () => {
  const raft = (from: FrameSealing): Buffer => from.seal(n2, 'raft', payload, PIECE)![0]!;
  const X = 'Caaaaaaaaaaaaaaaaaaaaaaaaaa' as ClusterId;
  const Y = 'Cbbbbbbbbbbbbbbbbbbbbbbbbbb' as ClusterId;

  it('that share a secret do not hear each other, but for hellos', () => {
    a.bindTo(X);
    expect(outcomeOf(b.open(raft(a)))).toBe('foreign');
    b.bindTo(Y);
    expect(outcomeOf(b.open(raft(a)))).toBe('foreign');
    for (const kind of ['raft-shared', 'forward', 'forward-refused', 'snapshot-request', 'snapshot-chunk'] as const) {
      expect(outcomeOf(b.open(a.seal(n2, kind, payload, PIECE)![0]!))).toBe('foreign');
    }
    expect(outcomeOf(b.open(direct(a, n2)))).toBe('frame');
    expect(outcomeOf(b.open(forAll(a)))).toBe('frame');
    b.bindTo(X);
    expect(outcomeOf(b.open(raft(a)))).toBe('frame');
  });

  it('cannot be exchanged on the way', () => {
    a.bindTo(X);
    b.bindTo(Y);
    const mark = b.seal(n1, 'raft', payload, PIECE)![0]!.subarray(38, 46);
    const frame = raft(a);
    frame.set(mark, 38);
    expect(outcomeOf(b.open(frame))).toBe('forged');
  });
});

describe('FrameSealing', () => {
  it('opens what was sealed, for one and for everybody', () => {
    for (const frame of [direct(a, n2), forAll(a)]) {
      const opened = b.open(frame);
      expect(opened).toMatchObject({ outcome: 'frame', payload, adopted: false });
      expect(opened).toMatchObject({ header: { sender: n1, senderBoot: 100 } });
    }
  });

  it('hides the content and never repeats a ciphertext', () => {
    const text = Buffer.from('canary canary canary');
    const [first, second] = [direct(a, n2, text), direct(a, n2, text)];
    expect(first.includes('canary')).toBe(false);
    expect(first.subarray(-20).equals(second.subarray(-20))).toBe(false);
  });

  it('cuts large payloads and puts them together', () => {
    const large = new Uint8Array(200_000).map((_, i) => i % 251);
    const frames = a.seal(n2, 'snapshot-chunk', large, PIECE) ?? [];
    expect(frames).toHaveLength(4);
    const results = frames.toReversed().map((frame) => b.open(frame));
    const last = results.at(-1);
    const whole = last?.outcome === 'frame' ? last.payload : undefined;
    expect(Buffer.compare(whole ?? Buffer.alloc(0), large)).toBe(0);
  });

  it('refuses a frame that comes twice or too late', () => {
    const [early, again] = [direct(a, n2), direct(a, n2)];
    expect(outcomeOf(b.open(again))).toBe('frame');
    expect(outcomeOf(b.open(again))).toBe('replayed');
    for (let i = 0; i < 1_100; i += 1) b.open(direct(a, n2));
    expect(outcomeOf(b.open(early))).toBe('stale');
  });

  it('refuses a frame with any bit changed, wherever', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 7 }), fc.boolean(), (at, bit, everybody) => {
        const frame = everybody ? forAll(a) : direct(a, n2);
        const place = at % frame.length;
        frame[place] = (frame[place] ?? 0) ^ (1 << bit);
        expect(b.open(frame).outcome).toBe('dropped');
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a frame cut short anywhere, and noise', () => {
    const frame = direct(a, n2);
    for (let length = 0; length < frame.length; length += 1) {
      expect(b.open(frame.subarray(0, length)).outcome).toBe('dropped');
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(b.open(noise).outcome).toBe('dropped');
      }),
    );
  });

  it('still accepts the genuine frame after a forged one with its counter', () => {
    const frame = direct(a, n2);
    const forged = Buffer.from(frame);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    expect(outcomeOf(b.open(forged))).toBe('forged');
    expect(outcomeOf(b.open(frame))).toBe('frame');
  });

  it('refuses other clusters, other receivers and itself', () => {
    const stranger = sealing(n1, 100, new ClusterKeys(new Uint8Array(32).fill(2)));
    expect(outcomeOf(b.open(forAll(stranger)))).toBe('foreign');
    const n3 = sealing('n3' as NodeName, 300);
    expect(outcomeOf(n3.open(direct(a, n2)))).toBe('misaddressed');
    expect(outcomeOf(a.open(forAll(a)))).toBe('misaddressed');
  });

  it('recognises another process that speaks as the same node and lives at the same time', () => {
    const [older, newer] = [sealing(n1, 100), sealing(n1, 200)];
    expect(older.open(forAll(newer))).toEqual({ outcome: 'namesake', senderBoot: 200 });
    // What a predecessor sent may come late.
    expect(outcomeOf(newer.open(forAll(older)))).toBe('misaddressed');
    expect(newer.open(older.sealGreeting(n1, 200))).toEqual({ outcome: 'namesake', senderBoot: 100 });
    const forged = forAll(newer);
    forged[forged.length - 1]! ^= 1;
    expect(outcomeOf(older.open(forged))).toBe('forged');
  });

  it('does not seal for a node it has not met', () => {
    expect(a.seal('n3' as NodeName, 'hello', payload, PIECE)).toBeUndefined();
  });

  it('takes no word from a boot that has not proven itself, and from then on takes it', () => {
    const c = sealing('n3' as NodeName, 300);
    expect(c.open(forAll(a))).toEqual({ outcome: 'unbound', sender: n1, senderBoot: 100 });
    expect(c.open(a.sealGreeting('n3' as NodeName, 299)).outcome).toBe('unbound');
    expect(c.open(a.sealGreeting('n3' as NodeName, 300))).toMatchObject({ outcome: 'frame', adopted: true });
    expect(outcomeOf(c.open(forAll(a)))).toBe('frame');
  });

  it('takes nothing that was recorded before its own restart', () => {
    const recorded = [direct(a, n2), forAll(a), a.sealGreeting(n2, 200), a.sealGreeting(n2, 0)];
    const restarted = sealing(n2, 201);
    expect(recorded.map((frame) => restarted.open(frame).outcome)).toEqual(Array(4).fill('unbound'));
    acquaint(a, n1, 100, restarted, n2, 201);
    expect(recorded.map((frame) => outcomeOf(restarted.open(frame)))).toEqual([
      'unbound',
      'stale',
      'unbound',
      'unbound',
    ]);
    expect(outcomeOf(restarted.open(forAll(a)))).toBe('frame');
  });

  it('replaces a boot by a newer one only, and then refuses the old one', () => {
    const recorded = forAll(a);
    const restarted = sealing(n1, 101);
    expect(b.open(restarted.sealGreeting(n2, 200))).toMatchObject({ outcome: 'frame', adopted: true });
    expect(b.bootOf(n1)).toBe(101);
    expect(outcomeOf(b.open(recorded))).toBe('old-boot');
    expect(outcomeOf(b.open(a.sealGreeting(n2, 200)))).toBe('old-boot');
    expect(outcomeOf(b.open(forAll(restarted)))).toBe('frame');
  });

  it('binds frames to the boot it knows: a restarted receiver says so instead of taking them', () => {
    const restarted = sealing(n2, 201);
    expect(restarted.open(direct(a, n2))).toEqual({ outcome: 'unbound', sender: n1, senderBoot: 100 });
  });

  it('refuses boot ids that are none', () => {
    expect(() => sealing(n1, 0)).toThrow(/boot id/);
    expect(() => sealing(n1, 2 ** 53)).toThrow(/boot id/);
  });
});
