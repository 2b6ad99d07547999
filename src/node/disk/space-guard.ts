import { ParleyError } from '../../protocol/errors.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { PeerProgress } from '../../consensus/status.ts';
import type { Message } from '../../consensus/message.ts';
import { MessageType } from '../../consensus/message.ts';
import type { Clock, Frame, PeerDirectory, Transport } from '../ports.ts';
import { decodeForward, encodeRefusal } from '../raft/forward-frames.ts';
import { tolerate } from '../raft/incoming.ts';
import { DiskSpace, freeSpaceOf, inMebibytes, type FreeSpace, type SpaceLevel } from './disk-space.ts';

/** As long as that another node may come to lead, before one with a low disk stands for election after all. */
const STANDS_BACK_MS = 3_000;

export interface SpaceGuardPorts {
  readonly self: NodeName;
  readonly dir: string;
  readonly reserveBytes: number;
  readonly clock: Clock;
  readonly transport: Pick<Transport, 'send'>;
  readonly directory: PeerDirectory;
  /** What the leader knows of its followers; null unless this node leads. */
  readonly followers: () => readonly PeerProgress[] | null;
  /** Milliseconds since a leader was known; 0 while one is. */
  readonly leaderlessMs: () => number;
  /** Whether another node has said lately that it has room. */
  readonly hasRoom: (node: NodeName) => boolean;
  readonly transferLeadership: (to: NodeName) => void;
  readonly onChange: (level: SpaceLevel, freeBytes: number) => void;
  /** The process has to end in good order, now. Told once. */
  readonly onFull: (error: ParleyError) => void;
  readonly onFatal: (error: unknown) => void;
  readonly measure?: (() => Promise<FreeSpace>) | undefined;
}

/**
 * Meets a full disk before it is full (rule 6 of the store). A node with little room takes no commands, of its own
 * clients or of other nodes, hands leadership to one that has room, and lets others stand for election first; it
 * follows, votes and answers reads as before. Files never use up the reserve, whether they come from clients or from
 * other nodes. When even that would use up the last of it, the process ends while its
 * store is still sound, and waits for room before it opens the store again.
 */
export class SpaceGuard {
  readonly #ports: SpaceGuardPorts;
  readonly #space: DiskSpace;

  constructor(ports: SpaceGuardPorts) {
    this.#ports = ports;
    const { dir, reserveBytes, clock, measure, onFatal } = ports;
    this.#space = new DiskSpace({
      clock,
      reserveBytes,
      measure: measure ?? (() => freeSpaceOf(dir)),
      onLook: (level, before) => this.#onLook(level, before),
      onFatal,
    });
  }

  start(): void {
    this.#space.start();
  }

  stop(): void {
    this.#space.stop();
  }

  get isLow(): boolean {
    return this.#space.level !== 'ok';
  }

  get freeBytes(): number | null {
    return this.#space.freeBytes;
  }

  /** One sentence for people; null while there is room. */
  get problem(): string | null {
    if (!this.isLow) return null;
    return `The disk is nearly full (${inMebibytes(this.freeBytes ?? 0)} free): this node takes nothing new until there is room.`;
  }

  /** @throws ParleyError `disk_low` */
  refuseIfLow(): void {
    const { problem } = this;
    if (problem !== null) throw new ParleyError('disk_low', problem);
  }

  /** Whether files may take so much more room. */
  has(bytes: number): boolean {
    return this.#space.has(bytes);
  }

  /** Sets room aside for bytes of files that are about to be written. @returns whether there is any */
  take(bytes: number): boolean {
    return this.#space.take(bytes);
  }

  /** Refuses commands of other nodes, so that their clients hear why; returns whether it did. */
  refuses({ from, kind, payload }: Frame): boolean {
    if (kind !== 'forward' || !this.isLow || this.#ports.followers() === null) return false;
    tolerate(() => {
      const { boot, commands } = decodeForward(payload);
      const serials = commands.map(({ serial }) => serial);
      this.#ports.transport.send(from, 'forward-refused', encodeRefusal({ boot, reason: 'disk-low', serials }));
    });
    return true;
  }

  /** Whether a message that was sent to this node, or is about to leave it, would make it lead, and should not now. */
  withholds({ type, to }: Message): boolean {
    if (!this.isLow || this.#ports.leaderlessMs() >= STANDS_BACK_MS) return false;
    const isOwn = this.#ports.directory.nameOf(to) === this.#ports.self;
    return isOwn ? type === MessageType.timeoutNow : type === MessageType.preVote;
  }

  #onLook(level: SpaceLevel, before: SpaceLevel): void {
    const { onChange, onFull, dir } = this.#ports;
    const freeBytes = this.freeBytes ?? 0;
    if (level !== before) onChange(level, freeBytes);
    if (level === 'full') {
      const sentence = `Only ${inMebibytes(freeBytes)} are free for ${dir}: this node stops before its disk is full, and goes on when there is room.`;
      this.stop();
      onFull(new ParleyError('disk_low', sentence));
    } else if (level === 'low') {
      this.#handOver();
    }
  }

  #handOver(): void {
    const { self, followers, directory, hasRoom, transferLeadership } = this.#ports;
    const fit = (followers() ?? []).flatMap(({ id, isLearner, activeLately, state, match }) => {
      const name = directory.nameOf(id);
      if (name === undefined || name === self || isLearner || !activeLately || state !== 'replicate') return [];
      return hasRoom(name) ? [{ name, match }] : [];
    });
    const [best] = fit.toSorted((a, b) => b.match - a.match);
    if (best !== undefined) transferLeadership(best.name);
  }
}
