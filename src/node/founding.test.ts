import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { peerId } from '../consensus/types.ts';
import { foundingStep } from './founding.ts';
import type { Hello, Membership } from './founding.ts';
import type { PublicIdentity } from './identity/public-identity.ts';
import type { ClusterId, NodeName } from '../protocol/ids.ts';

const keysOf = (node: NodeName): PublicIdentity => node.repeat(64) as PublicIdentity;
const PEERS = ['n1', 'n2', 'n3'] as NodeName[];
const FOUNDERS = PEERS.map((name, place) => ({ name, peerId: peerId(place + 1), identity: keysOf(name) }));
const X = 'Caaaaaaaaaaaaaaaaaaaaaaaaaa' as ClusterId;
const Y = 'Cbbbbbbbbbbbbbbbbbbbbbbbbbb' as ClusterId;
const empty: Membership = { kind: 'empty' };
const founding = (clusterId: ClusterId): Membership => ({ kind: 'founding', clusterId });
const member = (clusterId: ClusterId): Membership => ({ kind: 'member', clusterId });
const hello = (node: string, membership: Membership, peers = PEERS): Hello => ({
  node: node as NodeName,
  membership,
  peers,
  incarnation: null,
  identity: keysOf(node as NodeName),
  founders: membership.kind === 'founding' ? FOUNDERS : null,
  table: null,
  life: null,
  verdict: null,
});
const heard = (...hellos: Hello[]): Map<NodeName, Hello> => new Map(hellos.map((h) => [h.node, h]));

describe('foundingStep', () => {
  it('waits until every configured peer has answered', () => {
    const step = foundingStep(hello('n1', empty), heard(hello('n2', empty)));
    expect(step).toEqual({ kind: 'wait', problem: expect.stringContaining('n3') });
  });

  it('lets only the lowest name propose', () => {
    const all = [hello('n1', empty), hello('n2', empty), hello('n3', empty)];
    expect(foundingStep(all[0]!, heard(all[1]!, all[2]!)).kind).toBe('propose');
    expect(foundingStep(all[1]!, heard(all[0]!, all[2]!)).kind).toBe('wait');
  });

  it('founds a cluster of one at once', () => {
    expect(foundingStep(hello('n1', empty, ['n1' as NodeName]), heard()).kind).toBe('propose');
  });

  it('adopts the proposal, and joins once all hold it', () => {
    const adopt = foundingStep(hello('n2', empty), heard(hello('n1', founding(X)), hello('n3', empty)));
    expect(adopt).toEqual({ kind: 'adopt', founding: { clusterId: X, peers: FOUNDERS } });
    const wait = foundingStep(hello('n2', founding(X)), heard(hello('n1', founding(X)), hello('n3', empty)));
    expect(wait.kind).toBe('wait');
    const join = foundingStep(hello('n2', founding(X)), heard(hello('n1', founding(X)), hello('n3', member(X))));
    expect(join).toEqual({ kind: 'join', clusterId: X });
  });

  it('founds with the keys that everybody has now, or not at all', () => {
    const proposer = hello('n1', founding(X));
    const others = heard(proposer, { ...hello('n3', empty), identity: keysOf('x3' as NodeName) });
    expect(foundingStep(hello('n2', empty), others)).toMatchObject({ problem: expect.stringContaining('keys of n3') });
    const wiped = { ...hello('n2', empty), identity: keysOf('x2' as NodeName) };
    expect(foundingStep(wiped, heard(proposer, hello('n3', empty)))).toMatchObject({
      kind: 'refuse',
      problem: expect.stringContaining('keys of n2'),
    });
    const incomplete = { ...proposer, founders: FOUNDERS.slice(1) };
    expect(foundingStep(hello('n2', empty), heard(incomplete, hello('n3', empty))).kind).toBe('refuse');
  });

  it('refuses an empty directory next to a running cluster', () => {
    const step = foundingStep(hello('n3', empty), heard(hello('n1', member(X)), hello('n2', member(X))));
    expect(step).toEqual({ kind: 'refuse', problem: expect.stringContaining('must not vote') });
  });

  it('refuses peers of another cluster and other --peers', () => {
    expect(foundingStep(hello('n1', founding(X)), heard(hello('n2', founding(Y)))).kind).toBe('refuse');
    const other = hello('n2', empty, ['n1', 'n2'] as NodeName[]);
    expect(foundingStep(hello('n1', empty), heard(other)).kind).toBe('refuse');
  });

  it('ends in one cluster under any order of steps, lost hellos and restarts', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 8 }), { minLength: 60, maxLength: 200 }), (choices) => {
        const disk = new Map<NodeName, Membership>(PEERS.map((name) => [name, empty]));
        const ears = new Map<NodeName, Map<NodeName, Hello>>(PEERS.map((name) => [name, new Map()]));
        let ids = 0;
        const act = (name: NodeName): void => {
          const step = foundingStep(hello(name, disk.get(name)!), ears.get(name)!);
          if (step.kind === 'propose') disk.set(name, founding(`C${'abcdefgh'[ids++ % 8]!.repeat(26)}` as ClusterId));
          if (step.kind === 'adopt') disk.set(name, founding(step.founding.clusterId));
          if (step.kind === 'join') disk.set(name, member(step.clusterId));
        };
        for (const choice of choices) {
          const name = PEERS[choice % 3]!;
          if (choice < 6) for (const peer of PEERS) ears.get(peer)!.set(name, hello(name, disk.get(name)!));
          else ears.set(name, new Map());
          act(PEERS[(choice + 1) % 3]!);
          const held = [...disk.values()].filter((m) => m.kind !== 'empty').map((m) => m.clusterId);
          expect(new Set(held).size).toBeLessThanOrEqual(1);
          if ([...disk.values()].some((m) => m.kind === 'member')) expect(held).toHaveLength(3);
        }
        for (let round = 0; round < 4; round++) {
          for (const name of PEERS) {
            for (const peer of PEERS) ears.get(peer)!.set(name, hello(name, disk.get(name)!));
          }
          for (const name of PEERS) act(name);
        }
        expect([...disk.values()].every((m) => m.kind === 'member')).toBe(true);
      }),
    );
  });
});
