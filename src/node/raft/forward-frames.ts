import { Packr } from 'msgpackr';
import { ParleyError } from '../../protocol/errors.ts';

/** Commands on their way to the leader, and its refusals. */

export interface ForwardedCommand {
  readonly serial: number;
  /** How much longer its client waits. */
  readonly ttlMs: number;
  readonly command: Uint8Array;
}

export interface ForwardFrame {
  /** Boot id of the node whose client waits. */
  readonly boot: number;
  readonly commands: readonly ForwardedCommand[];
}

export type RefusalReason = 'not-leader' | 'overloaded' | 'disk-low';

export interface RefusalFrame {
  readonly boot: number;
  readonly reason: RefusalReason;
  readonly serials: readonly number[];
}

const VERSION = 1;
/** Fields of one command. */
const FIELDS = 3;
export const COMMANDS_PER_FRAME_MAX = 4_096;
const REASONS: readonly RefusalReason[] = ['not-leader', 'overloaded', 'disk-low'];
const packr = new Packr({ useRecords: false, moreTypes: false });

export function encodeForward({ boot, commands }: ForwardFrame): Uint8Array {
  const flat: (number | Uint8Array)[] = [];
  for (const { serial, ttlMs, command } of commands) flat.push(serial, ttlMs, command);
  return packr.pack([VERSION, boot, flat]);
}

/** @throws ParleyError `bad_request` */
export function decodeForward(bytes: Uint8Array): ForwardFrame {
  const [boot, flat] = fieldsOf(bytes, 2);
  if (!isCount(boot) || !Array.isArray(flat) || flat.length % FIELDS !== 0) throw malformed();
  if (flat.length / FIELDS > COMMANDS_PER_FRAME_MAX) throw malformed();
  const commands: ForwardedCommand[] = [];
  for (let i = 0; i < flat.length; i += FIELDS) {
    const [serial, ttlMs, command] = flat.slice(i, i + FIELDS) as unknown[];
    if (!isCount(serial) || !isCount(ttlMs) || !(command instanceof Uint8Array)) throw malformed();
    commands.push({ serial, ttlMs, command });
  }
  return { boot, commands };
}

export function encodeRefusal({ boot, reason, serials }: RefusalFrame): Uint8Array {
  return packr.pack([VERSION, boot, REASONS.indexOf(reason), serials]);
}

/** @throws ParleyError `bad_request` */
export function decodeRefusal(bytes: Uint8Array): RefusalFrame {
  const [boot, reasonCode, serials] = fieldsOf(bytes, 3);
  const reason = isCount(reasonCode) ? REASONS[reasonCode] : undefined;
  if (!isCount(boot) || reason === undefined || !Array.isArray(serials)) throw malformed();
  if (serials.length > COMMANDS_PER_FRAME_MAX || !serials.every(isCount)) throw malformed();
  return { boot, reason, serials };
}

function fieldsOf(bytes: Uint8Array, count: number): unknown[] {
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch (cause) {
    throw new ParleyError('bad_request', 'A frame with forwarded commands is malformed.', { cause });
  }
  if (!Array.isArray(value) || value[0] !== VERSION || value.length !== count + 1) throw malformed();
  return value.slice(1);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const malformed = (): ParleyError => new ParleyError('bad_request', 'A frame with forwarded commands is malformed.');
