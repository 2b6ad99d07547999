import { ParleyError } from '../../protocol/errors.ts';
import type { SnapshotId } from './snapshot-frames.ts';

/**
 * The frames that bring a snapshot: `version u8, kind u8, boot u64, number u32, piece u32`, then the rows. They are
 * gigabytes, so each is made in memory of its own, which is free again as soon as it has left: a general packer cuts
 * what it makes out of large buffers, along with small things that are kept for long.
 */
export type SnapshotPiece =
  | { readonly kind: 'rows'; readonly id: SnapshotId; readonly piece: number; readonly bytes: Uint8Array }
  | { readonly kind: 'end'; readonly id: SnapshotId; readonly piece: number }
  /** The sender has closed this snapshot. */
  | { readonly kind: 'gone'; readonly id: SnapshotId };

const VERSION = 3;
const KINDS = ['rows', 'end', 'gone'] as const;
const NO_ROWS = new Uint8Array(0);
const AT = { version: 0, kind: 1, boot: 2, number: 10, piece: 14, rows: 18 } as const;

export function encodePiece(piece: SnapshotPiece): Uint8Array {
  const rows = piece.kind === 'rows' ? piece.bytes : NO_ROWS;
  const frame = Buffer.allocUnsafeSlow(AT.rows + rows.length);
  frame.writeUInt8(VERSION, AT.version);
  frame.writeUInt8(KINDS.indexOf(piece.kind), AT.kind);
  frame.writeBigUInt64BE(BigInt(piece.id.boot), AT.boot);
  frame.writeUInt32BE(piece.id.number, AT.number);
  frame.writeUInt32BE(piece.kind === 'gone' ? 0 : piece.piece, AT.piece);
  frame.set(rows, AT.rows);
  return frame;
}

/**
 * Rows are a view of the frame.
 *
 * @throws ParleyError `bad_request`
 */
export function decodePiece(bytes: Uint8Array): SnapshotPiece {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (frame.length < AT.rows || frame.readUInt8(AT.version) !== VERSION) throw malformed();
  const kind = KINDS[frame.readUInt8(AT.kind)];
  const boot = Number(frame.readBigUInt64BE(AT.boot));
  const rows = frame.subarray(AT.rows);
  if (kind === undefined || !Number.isSafeInteger(boot) || (kind === 'rows') !== rows.length > 0) throw malformed();
  const id = { boot, number: frame.readUInt32BE(AT.number) };
  const piece = frame.readUInt32BE(AT.piece);
  if (kind === 'gone') return { kind, id };
  return kind === 'end' ? { kind, id, piece } : { kind, id, piece, bytes: rows };
}

const malformed = (): ParleyError => new ParleyError('bad_request', 'A piece of a snapshot is malformed.');
