import { nodeRandom } from '../crypto/node-random.ts';
import { beginEpoch, keyRing, type KeyRingRow } from '../chat/key-ring.ts';
import { RingKeeper } from '../node/ring/ring-keeper.ts';
import { RingKeys } from '../node/ring/ring-keys.ts';
import { encodeCommand } from '../protocol/command-codec.ts';
import { ParleyError, type ErrorCode } from '../protocol/errors.ts';
import type { CommandOf, CommandResult } from '../protocol/commands.ts';
import type { NodeName } from '../protocol/ids.ts';
import type { Frame, FrameKind } from '../node/ports.ts';
import { ChatHarness, TEST_CLUSTER } from './chat-harness.ts';
import { ManualClock } from './manual-clock.ts';
import { testIdentity } from './test-identity.ts';

export const ROTATE_EVERY_MS = 60_000;
const STEP_MS = 100;

type Rotation = CommandOf<'keys.rotate'>;
type RotationResult = CommandResult<'keys.rotate'>;

/** A proposal that is neither in the log nor refused yet. */
export interface Proposal {
  readonly by: NodeName;
  readonly command: Rotation;
  /** It comes into the log here. */
  readonly commit: () => void;
  /** Nobody can tell whether it ever will. */
  readonly fail: (code: ErrorCode) => void;
}

/** Key keepers of several nodes over one log, whose proposals a test lets through; the network is function calls. */
export class RingWorld {
  readonly clock = new ManualClock();
  readonly chat = new ChatHarness();
  readonly nodes = new Map<NodeName, RingNode>();
  readonly members = new Set<NodeName>();
  readonly proposals: Proposal[] = [];
  readonly errors: unknown[] = [];
  leader: NodeName;

  constructor(...names: string[]) {
    this.leader = names[0] as NodeName;
    for (const name of names) this.members.add(name as NodeName);
    for (const name of names) this.start(name);
  }

  start(name: string): RingNode {
    this.nodes.get(name as NodeName)?.keeper.stop();
    const node = new RingNode(this, name as NodeName);
    this.nodes.set(node.name, node);
    this.members.add(node.name);
    node.keeper.start();
    return node;
  }

  node(name: string): RingNode {
    return this.nodes.get(name as NodeName)!;
  }

  get row(): KeyRingRow | undefined {
    return keyRing(this.chat.view);
  }

  /** Takes a node out, as the entry that changes the membership does; it keeps running. */
  remove(name: string): void {
    const gone = new Set([testIdentity(name).public]);
    const sealed = this.node(this.leader).keeper.sealForAllBut(gone);
    this.members.delete(name as NodeName);
    beginEpoch(this.chat.view, { at: this.chat.stampMs, cause: 'removal', sealed });
  }

  /** Lets time pass; every proposal is committed at once, unless they are held. */
  async pass(ms: number, { holding } = { holding: false }): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.clock.advance(STEP_MS);
      this.chat.stampMs = (this.chat.stampMs + STEP_MS) as typeof this.chat.stampMs;
      if (!holding) for (const proposal of this.proposals.splice(0)) proposal.commit();
      await settled();
    }
  }

  propose(by: NodeName, command: Rotation): Promise<RotationResult> {
    return new Promise((resolve, reject) => {
      this.proposals.push({
        ...{ by, command },
        commit: () => resolve(this.chat.apply(encodeCommand(command))[0] as RotationResult),
        fail: (code) => reject(new ParleyError(code, 'as the test has it')),
      });
    });
  }
}

/** What was promised by now has come about. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A process of a node, as far as it keeps keys. */
export class RingNode {
  readonly name: NodeName;
  readonly keys: RingKeys;
  readonly keeper: RingKeeper;
  /** How often it asked others for a key. */
  asked = 0;
  /** Whether it hears others. */
  hears = true;

  constructor(world: RingWorld, name: NodeName) {
    this.name = name;
    this.keys = new RingKeys(() => world.clock.monotonicMs());
    this.keeper = new RingKeeper({
      ...{ self: name, cluster: TEST_CLUSTER, identity: testIdentity(name), random: nodeRandom },
      ...{ keys: this.keys, clock: world.clock, reader: world.chat.view, rotateEveryMs: ROTATE_EVERY_MS },
      isLeader: () => world.leader === name,
      stampMs: () => world.chat.stampMs,
      members: () => [...world.members].map((member) => ({ name: member, identity: testIdentity(member).public })),
      propose: (command) => world.propose(name, command),
      onError: (error) => world.errors.push(error),
      transport: {
        send: (to: NodeName, kind: FrameKind, payload: Uint8Array) => {
          this.asked += 1;
          const other = world.nodes.get(to);
          // As the transport has it: whom the membership does not list is not heard.
          if (other !== undefined && other.hears && world.members.has(name)) {
            other.keeper.receive(this.#frame(kind, payload));
          }
        },
      },
    });
  }

  #frame(kind: FrameKind, payload: Uint8Array): Frame {
    return { from: this.name, boot: 1, identity: testIdentity(this.name).public, kind, payload };
  }

  get epoch(): number | null {
    return this.keys.current?.epoch ?? null;
  }
}
