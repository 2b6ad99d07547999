import { expect, it } from 'vitest';
import { peerId } from '../consensus/types.ts';
import { Contact } from './contact.ts';
import { encodeHello } from './hello.ts';
import { NO_PROMISES } from './rollback/promises.ts';
import type { ClusterId, NodeName } from '../protocol/ids.ts';
import type { Frame } from './ports.ts';
import type { Standing } from './rollback/standing.ts';
import type { Life } from './rollback/witness.ts';

const CLUSTER = `C${'a'.repeat(26)}` as ClusterId;
const NODES = ['n1', 'n2'] as NodeName[];

/** Two members that have restarted, and may not rest on each other's word. */
function pair(): { start: () => void; count: () => number } {
  const contacts = new Map<NodeName, Contact>();
  const frames: (() => void)[] = [];
  let count = 0;
  const carry = (from: NodeName, to: NodeName, payload: Uint8Array): void => {
    count += 1;
    frames.push(() =>
      contacts.get(to)!.receive({ from, boot: 1, identity: null, kind: 'hello', payload } satisfies Frame),
    );
  };
  for (const [at, name] of NODES.entries()) {
    const other = NODES[1 - at]!;
    const peer = peerId(at + 1);
    const life: Life = {
      peer,
      boot: 2,
      lineage: { since: 1, starts: [2] },
      promises: NO_PROMISES,
      isConfirmed: false,
      refusal: null,
    };
    const standing: Pick<Standing, 'life' | 'meet' | 'learn' | 'isComparing' | 'onBeat'> = {
      isComparing: true,
      life: () => life,
      onBeat: () => {},
      learn: () => false,
      meet: (met, answer) =>
        answer({
          known: { peer: met.peer, boot: met.boot, promises: met.promises, refused: null },
          witness: { peer, isVoter: false, otherVotesAlone: false, appliedIndex: 0 as never },
        }),
    };
    const ports = {
      transport: {
        send: (to: NodeName, _kind: string, payload: Uint8Array) => carry(name, to, payload),
        broadcast: (_kind: string, payload: Uint8Array) => carry(name, other, payload),
      },
      clock: { monotonicMs: () => 0, after: () => () => {} },
      store: { manifest: { clusterId: CLUSTER, peers: [] }, founding: undefined },
      standing,
      randomBytes: (length: number) => new Uint8Array(length),
      table: () => null,
      onTable: () => {},
      identity: null,
      isKnown: () => false,
      isMember: () => true,
      knowsNobody: () => false,
      isPeer: () => true,
    } as unknown as ConstructorParameters<typeof Contact>[2];
    contacts.set(name, new Contact(name, NODES, ports));
  }
  return {
    start: () => {
      for (const contact of contacts.values()) contact.announce();
      while (frames.length > 0 && count < 1_000) frames.shift()!();
    },
    count: () => count,
  };
}

it('answers each hello once, and no answers', () => {
  const { start, count } = pair();
  start();
  expect(count()).toBe(4);
});

/** A member that has heard of its own log, and hellos of another cluster under the names of its peers. */
function amongStrangers(members: readonly NodeName[]): {
  hear: (from: NodeName, cluster: ClusterId) => void;
  fatal: unknown[];
} {
  const fatal: unknown[] = [];
  const ports = {
    transport: { send: () => {}, broadcast: () => {} },
    clock: { monotonicMs: () => 0, after: () => () => {} },
    store: { manifest: { clusterId: CLUSTER, peers: [] }, founding: undefined },
    standing: { life: () => null, learn: () => false, meet: () => {}, onBeat: () => {}, isComparing: false },
    randomBytes: (length: number) => new Uint8Array(length),
    table: () => null,
    onTable: () => {},
    identity: null,
    isKnown: () => true,
    isMember: (name: NodeName) => members.includes(name),
    knowsNobody: () => false,
    isPeer: () => true,
    onFatal: (error: unknown) => fatal.push(error),
  } as unknown as ConstructorParameters<typeof Contact>[2];
  const contact = new Contact('n3' as NodeName, [...NODES, 'n3' as NodeName], ports);
  const hear = (from: NodeName, clusterId: ClusterId): void => {
    const hello = {
      node: from,
      membership: { kind: 'member', clusterId },
      peers: NODES,
      incarnation: null,
      table: null,
      life: null,
      verdict: null,
    } as unknown as Parameters<typeof encodeHello>[0];
    contact.receive({ from, boot: 1, identity: null, kind: 'hello', payload: encodeHello(hello) } satisfies Frame);
  };
  return { hear, fatal };
}

const OTHER = `C${'b'.repeat(26)}` as ClusterId;

it('ends where all the others are of another cluster, whose nodes have other keys', () => {
  const { hear, fatal } = amongStrangers([]);
  hear(NODES[0]!, OTHER);
  expect(fatal).toEqual([]);
  hear(NODES[1]!, OTHER);
  expect(fatal).toMatchObject([{ code: 'wrong_cluster' }]);
});

it('goes on where a member is heard, whatever others say under the names of members', () => {
  const { hear, fatal } = amongStrangers([NODES[0]!]);
  hear(NODES[0]!, CLUSTER);
  hear(NODES[1]!, OTHER);
  expect(fatal).toEqual([]);
});
