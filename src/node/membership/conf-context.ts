import { Packr } from 'msgpackr';
import { ParleyError } from '../../protocol/errors.ts';
import { memberRow, readMember } from './member-table.ts';
import type { Member } from './member-table.ts';

/**
 * What travels in the log beside a change of the configuration: who is let in, the key that the others go over to when somebody is taken out, and which request asked for it. The
 * empty context is that of the change by which a leader leaves a joint configuration.
 */
export interface ConfContext {
  /** Tells the node that proposed the change which of its requests was carried out. */
  readonly request: string;
  readonly added: Member | null;
  /** A key of the ring that begins an epoch with the change, sealed to those who stay. */
  readonly ringKey: Uint8Array | null;
}

const FORMAT = 2;
const packr = new Packr({ useRecords: false });

export function encodeConfContext({ request, added, ringKey }: ConfContext): Uint8Array {
  return packr.pack([FORMAT, request, added === null ? null : memberRow(added), ringKey]);
}

/** @throws ParleyError `unsupported_version` */
export function decodeConfContext(bytes: Uint8Array): ConfContext | null {
  if (bytes.length === 0) return null;
  const value: unknown = packr.unpack(bytes);
  if (!Array.isArray(value) || value[0] !== FORMAT || typeof value[1] !== 'string') {
    throw new ParleyError('unsupported_version', 'A change of the membership was written by a newer program.');
  }
  const ringKey = value[3] instanceof Uint8Array ? Uint8Array.from(value[3]) : null;
  return { request: value[1], added: value[2] === null ? null : readMember(value[2]), ringKey };
}
