import { Packr } from 'msgpackr';
import { ParleyError } from './errors.ts';
import type { StampMs } from './ids.ts';

/**
 * What one log entry holds: the leader's time and every command that arrived while the disk was busy. Commands are
 * opaque here and stay the bytes that their entry node made.
 */
export interface Batch {
  readonly stampMs: StampMs;
  readonly items: readonly BatchItem[];
}

export interface BatchItem {
  /** Boot id of the node that took the command from a client; with `serial` it finds the waiting request. */
  readonly boot: number;
  readonly serial: number;
  readonly command: Uint8Array;
}

const BATCH_VERSION = 1;
const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });

export function encodeBatch(batch: Batch): Uint8Array {
  const flat: (number | Uint8Array)[] = [];
  for (const item of batch.items) flat.push(item.boot, item.serial, item.command);
  return packr.pack([BATCH_VERSION, batch.stampMs, flat]);
}

/** @throws ParleyError `unsupported_version` for a newer format, `bad_request` for bytes that are no batch */
export function decodeBatch(bytes: Uint8Array): Batch {
  const value = unpack(bytes);
  if (!Array.isArray(value) || value.length !== 3) throw new ParleyError('bad_request', 'This entry is no batch.');
  const [version, stampMs, flat] = value as [unknown, unknown, unknown];
  if (version !== BATCH_VERSION) {
    throw new ParleyError('unsupported_version', `This entry has batch version ${String(version)}.`);
  }
  if (typeof stampMs !== 'number' || !Array.isArray(flat) || flat.length % 3 !== 0) {
    throw new ParleyError('bad_request', 'This entry is no batch.');
  }
  const items: BatchItem[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    const [boot, serial, command] = flat.slice(i, i + 3) as unknown[];
    if (typeof boot !== 'number' || typeof serial !== 'number' || !(command instanceof Uint8Array)) {
      throw new ParleyError('bad_request', 'This batch has a malformed item.');
    }
    items.push({ boot, serial, command });
  }
  return { stampMs: stampMs as StampMs, items };
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes);
  } catch (cause) {
    throw new ParleyError('bad_request', 'This entry is not valid msgpack.', { cause });
  }
}
