import { randomBytes } from 'node:crypto';
import type { StateReader } from '../../chat/ports.ts';
import { keyRing, type KeyRingRow } from '../../chat/key-ring.ts';
import type { CommandOf, CommandResult, KeyCause } from '../../protocol/commands.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { NodeName } from '../../protocol/ids.ts';
import { makeTxnId } from '../../protocol/txn-id.ts';
import type { PublicIdentity } from '../identity/public-identity.ts';
import type { Clock, Frame, Transport } from '../ports.ts';
import { decodeRingFrame, encodeRingFrame } from './ring-frames.ts';
import type { RingKeys } from './ring-keys.ts';
import { isKeyOf, openSealedKey, sealNewKey, type SealedKey, type SealingEnv } from './sealed-key.ts';

/** How often this node looks whether there is a new key, and as leader whether one is due. */
const LOOK_EVERY_MS = 200;
const ROTATE_DEADLINE_MS = 5_000;
/** A leader that could not bring a key into the log tries again after this. */
const RETRY_MS = 1_000;

export interface RingKeeperPorts extends SealingEnv {
  readonly self: NodeName;
  readonly keys: RingKeys;
  readonly clock: Clock;
  readonly reader: Pick<StateReader, 'get'>;
  readonly transport: Pick<Transport, 'send'>;
  readonly rotateEveryMs: number;
  readonly isLeader: () => boolean;
  /** The leader's time. */
  readonly stampMs: () => number;
  /** All members of the cluster, this one included; null for keys that are not known. */
  readonly members: () => readonly { readonly name: NodeName; readonly identity: PublicIdentity | null }[];
  readonly propose: (command: CommandOf<'keys.rotate'>, deadlineMs: number) => Promise<CommandResult<'keys.rotate'>>;
  readonly onError: (error: unknown) => void;
}

/**
 * Keeps the ring: opens the key that the log has for this node, or asks another member for one that was made before this
 * node was there; as leader, brings a new one into the log when it is time.
 */
export class RingKeeper {
  readonly #ports: RingKeeperPorts;
  #cancel: (() => void) | null = null;
  #seen: { readonly row: KeyRingRow; readonly sealed: SealedKey | undefined } | null = null;
  #rotating: Promise<void> | null = null;
  /** Which epoch this node found to be the current one, and when, by its monotonic clock. */
  #noticed = { epoch: 0, atMs: 0 };
  #retryAtMs = 0;
  #asked = 0;

  constructor(ports: RingKeeperPorts) {
    this.#ports = ports;
  }

  start(): void {
    const look = (): void => {
      this.look();
      this.#rotateWhenDue();
      this.#cancel = this.#ports.clock.after(LOOK_EVERY_MS, look);
    };
    look();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** When the current epoch began, and why; null before the first. */
  get epoch(): Omit<KeyRingRow, 'sealed'> | null {
    return keyRing(this.#ports.reader) ?? null;
  }

  /** Takes over what the log has by now. To be called at once when somebody was taken out. */
  look(): void {
    const { reader, keys } = this.#ports;
    const row = keyRing(reader);
    this.#notice(row?.epoch ?? 0);
    if (row === undefined || keys.current?.epoch === row.epoch) return;
    if (this.#seen?.row.epoch !== row.epoch) this.#seen = { row, sealed: openSealedKey(this.#ports, row.sealed) };
    const { sealed } = this.#seen;
    if (sealed?.key !== undefined && sealed.key !== null) this.#adopt(row, sealed.key);
    else {
      if (row.cause === 'removal') keys.forget();
      if (sealed !== undefined) this.#ask(row.epoch);
    }
  }

  #notice(epoch: number): void {
    if (this.#noticed.epoch !== epoch) this.#noticed = { epoch, atMs: this.#ports.clock.monotonicMs() };
  }

  #adopt({ epoch, cause }: KeyRingRow, key: Uint8Array): void {
    // More than one epoch may have passed: whoever was not there for them does not know why they ended.
    const follows = this.#ports.keys.current?.epoch === epoch - 1;
    this.#ports.keys.adopt({ epoch, key }, cause === 'removal' || !follows);
  }

  /** One member after the other. */
  #ask(epoch: number): void {
    const { self, members, transport } = this.#ports;
    const others = members().filter(({ name }) => name !== self);
    const other = others[this.#asked % Math.max(1, others.length)];
    this.#asked += 1;
    if (other !== undefined) transport.send(other.name, 'ring', encodeRingFrame({ epoch, key: null }));
  }

  /** Takes a frame of kind `ring`, which only members can send. */
  receive({ from, payload }: Frame): void {
    const frame = decodeRingFrame(payload);
    if (frame === undefined) return;
    const { keys, transport } = this.#ports;
    const { epoch, key } = frame;
    if (key === null) {
      if (keys.current?.epoch === epoch) {
        transport.send(from, 'ring', encodeRingFrame({ epoch, key: keys.current.key }));
      }
    } else if (this.#seen?.row.epoch === epoch && this.#seen.sealed !== undefined) {
      // Whoever answers is believed no further than the log: it says which key it is.
      if (isKeyOf(key, this.#seen.sealed.keyHash)) this.#adopt(this.#seen.row, key);
    }
  }

  /** A key for all members but those with these keys. */
  sealForAllBut(gone: ReadonlySet<PublicIdentity>): Uint8Array {
    const receivers = this.#ports
      .members()
      .flatMap(({ identity }) => (identity === null || gone.has(identity) ? [] : [identity]));
    return sealNewKey(this.#ports, [...new Set(receivers)]);
  }

  /**
   * Brings a new key into the log.
   * @returns the epoch that it begins
   * @throws ParleyError as `propose`
   */
  async rotate(cause: KeyCause): Promise<number> {
    const { clock, propose } = this.#ports;
    const txnId = makeTxnId(clock.wallMs(), new Uint8Array(randomBytes(10)));
    const body = { after: this.epoch?.epoch ?? 0, cause, sealed: this.sealForAllBut(new Set()) };
    const result = await propose({ kind: 'keys.rotate', actor: null, txnId, body }, ROTATE_DEADLINE_MS);
    if (!result.ok) throw new ParleyError(result.code, result.detail);
    this.look();
    return result.value.epoch;
  }

  /**
   * Milliseconds until the leader makes a new key; null before the first. An epoch that began by a clock which was ahead
   * must not last the longer for it: no longer than the interval since this node found it.
   */
  get nextInMs(): number | null {
    const { epoch } = this;
    if (epoch === null) return null;
    const { rotateEveryMs, stampMs, clock } = this.#ports;
    const ageMs = this.#noticed.epoch === epoch.epoch ? clock.monotonicMs() - this.#noticed.atMs : 0;
    return Math.max(0, rotateEveryMs - Math.max(stampMs() - epoch.at, ageMs));
  }

  #rotateWhenDue(): void {
    const { isLeader, clock, onError } = this.#ports;
    if (!isLeader() || this.#rotating !== null || clock.monotonicMs() < this.#retryAtMs) return;
    const nextInMs = this.nextInMs;
    if (nextInMs !== null && nextInMs > 0) return;
    this.#rotating = this.rotate(nextInMs === null ? 'founded' : 'scheduled')
      .then(() => undefined, onError)
      .finally(() => {
        this.#retryAtMs = clock.monotonicMs() + RETRY_MS;
        this.#rotating = null;
      });
  }
}
