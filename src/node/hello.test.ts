import { describe, expect, it } from 'vitest';
import { peerId } from '../consensus/types.ts';
import { foundingStep } from './founding.ts';
import { decodeHello, encodeHello } from './hello.ts';
import { foundingTable } from './membership/member-table.ts';
import type { Hello } from './founding.ts';
import type { PublicIdentity } from './identity/public-identity.ts';
import type { ClusterId, NodeName } from '../protocol/ids.ts';

const X = 'Caaaaaaaaaaaaaaaaaaaaaaaaaa' as ClusterId;
const INCARNATION = 'ef'.repeat(16);
const IDENTITY = 'cd'.repeat(64) as PublicIdentity;
const name = (text: string): NodeName => text as NodeName;
const FOUNDERS = [1, 2, 3].map((n) => ({ name: name(`n${n}`), peerId: peerId(n), identity: null }));
const FOUNDED = foundingTable(FOUNDERS);
const hello = (fields: Partial<Hello>): Hello => ({
  node: name('n4'),
  membership: { kind: 'empty' },
  peers: [name('n1'), name('n4')],
  incarnation: INCARNATION,
  identity: IDENTITY,
  founders: null,
  table: null,
  life: null,
  verdict: null,
  ...fields,
});
const member = (fields: Partial<Hello> = {}): Hello =>
  hello({
    node: name('n1'),
    membership: { kind: 'member', clusterId: X },
    incarnation: null,
    table: FOUNDED,
    ...fields,
  });
const step = (own: Hello, ...others: Hello[]): ReturnType<typeof foundingStep> =>
  foundingStep(own, new Map(others.map((other) => [other.node, other])));

describe('hellos', () => {
  it('survive the way through a frame', () => {
    for (const one of [
      hello({}),
      member(),
      hello({ membership: { kind: 'founding', clusterId: X }, incarnation: null, founders: FOUNDERS }),
    ]) {
      expect(decodeHello(one.node, one.identity, encodeHello(one))).toEqual(one);
    }
  });

  it('of another kind are nobody’s', () => {
    const wrong = encodeHello(hello({ membership: { kind: 'member', clusterId: 'C1' as ClusterId } }));
    expect(decodeHello(name('n4'), IDENTITY, wrong)).toBeNull();
    expect(decodeHello(name('n4'), IDENTITY, Uint8Array.of(0xc0))).toBeNull();
  });
});

describe('an empty node beside a cluster', () => {
  it('is told how it can be let in', () => {
    expect(step(hello({}), member())).toEqual({ kind: 'refuse', problem: expect.stringContaining('member add n4') });
    expect(step(hello({ node: name('n3') }), member())).toEqual({
      kind: 'refuse',
      problem: expect.stringContaining('member replace n3'),
    });
  });

  it('enters as the peer that its incarnation was let in as', () => {
    const added = { peer: peerId(4), name: name('n4'), incarnation: INCARNATION, identity: IDENTITY, replaces: null };
    const table = { ...FOUNDED, members: [...FOUNDED.members, added] };
    expect(step(hello({}), member({ table }))).toEqual({
      kind: 'enter',
      founding: { clusterId: X, peers: FOUNDERS },
      peer: 4,
    });
  });

  it('does not enter as what another incarnation, or another node, was let in as', () => {
    const added = {
      peer: peerId(4),
      name: name('n4'),
      incarnation: '12'.repeat(16),
      identity: IDENTITY,
      replaces: null,
    };
    const earlier = { ...FOUNDED, members: [...FOUNDED.members, added] };
    expect(step(hello({}), member({ table: earlier })).kind).toBe('refuse');
    const other = { ...FOUNDED, members: [{ ...added, name: name('n5'), incarnation: INCARNATION }] };
    expect(step(hello({}), member({ table: other })).kind).toBe('refuse');
  });
});
