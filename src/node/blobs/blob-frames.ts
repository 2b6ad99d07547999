import { Packr } from 'msgpackr';
import { BLOB_CHUNK_BYTES } from '../../protocol/blobs.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { isBlobId } from '../../protocol/ids.ts';
import type { BlobId } from '../../protocol/ids.ts';

/** What nodes say to each other about blobs. Every frame may be lost; whoever needs an answer asks again. */
export type BlobFrame =
  /** The sender has the first `chunks` chunks. Who has all of it, durably, answers `held` with the same serial. */
  | { readonly kind: 'offer'; readonly blob: BlobId; readonly serial: number; readonly chunks: number }
  | { readonly kind: 'held'; readonly blob: BlobId; readonly serial: number }
  | { readonly kind: 'ask-list'; readonly blob: BlobId; readonly serial: number }
  /** Null: the sender has none. */
  | { readonly kind: 'list'; readonly serial: number; readonly sizeBytes: number; readonly hashes: Uint8Array | null }
  | { readonly kind: 'ask-chunk'; readonly blob: BlobId; readonly serial: number; readonly chunk: number }
  | { readonly kind: 'chunk'; readonly serial: number; readonly bytes: Uint8Array | null };

const VERSION = 1;
const KINDS: readonly BlobFrame['kind'][] = ['offer', 'held', 'ask-list', 'list', 'ask-chunk', 'chunk'];
const packr = new Packr({ useRecords: false, moreTypes: false });

export function encodeBlobFrame(frame: BlobFrame): Uint8Array {
  return packr.pack([VERSION, KINDS.indexOf(frame.kind), frame.serial, ...detailsOf(frame)]);
}

function detailsOf(frame: BlobFrame): unknown[] {
  switch (frame.kind) {
    case 'offer':
      return [frame.blob, frame.chunks];
    case 'held':
    case 'ask-list':
      return [frame.blob];
    case 'list':
      return [frame.sizeBytes, frame.hashes];
    case 'ask-chunk':
      return [frame.blob, frame.chunk];
    case 'chunk':
      break;
  }
  return [frame.bytes];
}

/** @throws ParleyError `bad_request` */
export function decodeBlobFrame(payload: Uint8Array): BlobFrame {
  let value: unknown;
  try {
    value = packr.unpack(payload);
  } catch (cause) {
    throw new ParleyError('bad_request', 'A frame about a file is malformed.', { cause });
  }
  if (!Array.isArray(value) || value[0] !== VERSION) throw malformed();
  const [, kindNumber, serial, a, b] = value as unknown[];
  const kind = isCount(kindNumber) ? KINDS[kindNumber] : undefined;
  if (kind === undefined || !isCount(serial)) throw malformed();
  switch (kind) {
    case 'offer':
      return { kind, serial, blob: blobOf(a), chunks: countOf(b) };
    case 'held':
    case 'ask-list':
      return { kind, serial, blob: blobOf(a) };
    case 'list':
      return { kind, serial, sizeBytes: countOf(a), hashes: bytesOf(b, Number.MAX_SAFE_INTEGER) };
    case 'ask-chunk':
      return { kind, serial, blob: blobOf(a), chunk: countOf(b) };
    case 'chunk':
      break;
  }
  return { kind, serial, bytes: bytesOf(a, BLOB_CHUNK_BYTES) };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function countOf(value: unknown): number {
  if (!isCount(value)) throw malformed();
  return value;
}

function blobOf(value: unknown): BlobId {
  if (typeof value !== 'string' || !isBlobId(value)) throw malformed();
  return value;
}

function bytesOf(value: unknown, bytesMax: number): Uint8Array | null {
  if (value === null) return null;
  if (!(value instanceof Uint8Array) || value.length > bytesMax) throw malformed();
  return value;
}

const malformed = (): ParleyError => new ParleyError('bad_request', 'A frame about a file is malformed.');
