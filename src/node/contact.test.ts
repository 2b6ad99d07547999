import { expect, it } from 'vitest';
import { peerId } from '../consensus/types.ts';
import { Contact } from './contact.ts';
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
