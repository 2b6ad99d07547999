import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobKeeper } from '../../node/blobs/blob-keeper.ts';
import { systemClock } from '../../node/system-clock.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { ChatHarness } from '../chat-harness.ts';
import type { Frame, FrameKind } from '../../node/ports.ts';
import type { BlobId, NodeName } from '../../protocol/ids.ts';
import type { Person } from '../chat-harness.ts';
import type { TestBlob } from './test-blob.ts';
import { singleSeal } from '../store/test-keys.ts';

interface Member {
  keeper: BlobKeeper;
  readonly dir: string;
  up: boolean;
}

/** Several keepers with a disk each, over a network that tests can cut, below one chat state that all have applied. */
export class BlobCluster {
  readonly chat = new ChatHarness();
  readonly ann: Person;
  readonly warnings: string[] = [];
  /** Frames that are lost on the way. */
  loses: (from: NodeName, to: NodeName, payload: Uint8Array) => boolean = () => false;
  hasLeader = true;
  /** Bytes that files may still take, by node; without one there is no end of room. */
  readonly room = new Map<NodeName, number>();
  readonly #members = new Map<NodeName, Member>();

  constructor(names: readonly string[]) {
    this.ann = this.chat.register('ann');
    for (const name of names as readonly NodeName[]) {
      const dir = mkdtempSync(join(tmpdir(), 'parley-blobs-'));
      this.#members.set(name, { keeper: this.#build(name, dir), dir, up: false });
    }
  }

  keeper(name: string): BlobKeeper {
    return this.#member(name).keeper;
  }

  start(...names: readonly string[]): void {
    for (const name of names.length === 0 ? this.#members.keys() : names) {
      const member = this.#member(name);
      member.up = true;
      member.keeper.start();
    }
  }

  async stop(name: string): Promise<void> {
    const member = this.#member(name);
    member.up = false;
    await member.keeper.stop();
    member.keeper = this.#build(name as NodeName, member.dir);
  }

  async close(): Promise<void> {
    for (const { keeper, dir } of this.#members.values()) {
      await keeper.stop();
      rmSync(dir, { recursive: true });
    }
  }

  /** The account begins an upload, which all have applied. */
  begin({ blob, bytes }: TestBlob): void {
    const body = { blob, sizeBytes: bytes.length, quotaBytes: Number.MAX_SAFE_INTEGER };
    this.chat.must('blob.begin', this.ann, body);
    this.touch(blob);
  }

  store({ blob }: TestBlob): void {
    this.chat.must('blob.stored', null, { blob });
    this.touch(blob);
  }

  /** Its time is over, for all. */
  async expire({ blob }: TestBlob): Promise<void> {
    this.chat.wait(1e9);
    const keys = [...this.chat.view.rows.keys()].filter((key) => key.startsWith('x/') && key.endsWith(`/B/${blob}`));
    this.chat.must('state.sweep', null, { keys });
    this.touch(blob);
  }

  touch(blob: BlobId): void {
    for (const { keeper, up } of this.#members.values()) if (up) keeper.touched([blob]);
  }

  /** Takes the whole of it at one node, and waits until a majority has it. */
  async upload(name: string, test: TestBlob): Promise<void> {
    this.begin(test);
    const keeper = this.keeper(name);
    await keeper.open(test.blob, test.bytes.length, test.hashes);
    for (const [i, chunk] of test.chunks.entries()) await keeper.put(test.blob, i, chunk);
    await keeper.replicate(test.blob, 20_000);
    this.store(test);
  }

  async bytes(name: string, { blob, bytes }: TestBlob, from = 0, to = bytes.length): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.keeper(name).read(blob, from, to)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Paths of all blob files of a node. */
  files(name: string): string[] {
    const { dir } = this.#member(name);
    const names = readdirSync(dir, { recursive: true, withFileTypes: true });
    return names.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
  }

  #roomOf(name: NodeName): number {
    return this.room.get(name) ?? Number.MAX_SAFE_INTEGER;
  }

  #member(name: string): Member {
    return this.#members.get(name as NodeName)!;
  }

  #build(self: NodeName, dataDir: string): BlobKeeper {
    const others = (): NodeName[] => [...this.#members.keys()].filter((name) => name !== self);
    const send = (to: NodeName, kind: FrameKind, payload: Uint8Array): void => {
      if (this.loses(self, to, payload)) return;
      const frame: Frame = { from: self, boot: 1, identity: null, kind, payload: Uint8Array.from(payload) };
      setImmediate(() => {
        const member = this.#members.get(to);
        if (member?.up === true) member.keeper.handleFrame(frame);
      });
    };
    return new BlobKeeper({
      seal: singleSeal(),
      self,
      dataDir,
      transport: {
        send,
        broadcast: (kind, payload) => {
          for (const to of others()) send(to, kind, payload);
        },
      },
      clock: systemClock,
      reader: () => this.chat.view,
      others,
      isMajority: (nodes) => 2 * nodes.size > this.#members.size,
      readBarrier: () => (this.hasLeader ? Promise.resolve() : Promise.reject(new ParleyError('no_leader'))),
      room: {
        has: (bytes) => bytes <= this.#roomOf(self),
        take: (bytes) => {
          const left = this.#roomOf(self) - bytes;
          if (left >= 0) this.room.set(self, left);
          return left >= 0;
        },
      },
      logger: { warn: (_fields, message) => void this.warnings.push(message) },
    });
  }
}
