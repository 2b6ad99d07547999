import { pack, unpack } from './pack.ts';
import type { AccountId, RoomId, Seq, StampMs } from '../protocol/ids.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

export interface RevealedRow {
  readonly seq: Seq;
  readonly from: AccountId;
  readonly sentAt: StampMs;
  /** As its author wrote it: an encoded `Content`. */
  readonly content: Uint8Array;
}

export interface ReportRow {
  readonly by: AccountId;
  readonly at: StampMs;
  readonly room: RoomId;
  readonly seq: Seq;
  /** Who wrote what is reported. */
  readonly from: AccountId;
  readonly reason: string;
  readonly revealed: readonly RevealedRow[];
  readonly expiresAt: StampMs;
  /** Null while it waits for an admin; `by` null: an operator. */
  readonly resolved: { readonly by: AccountId | null; readonly at: StampMs; readonly resolution: string } | null;
}

export const reportCodec: RowCodec<ReportRow> = {
  encode: ({ by, at, room, seq, from, reason, revealed, expiresAt, resolved }) =>
    pack([
      V1,
      by,
      at,
      room,
      seq,
      from,
      reason,
      revealed.map((it) => [it.seq, it.from, it.sentAt, it.content]),
      expiresAt,
      resolved === null ? null : [resolved.by, resolved.at, resolved.resolution],
    ]),
  decode: (bytes) => {
    const [, by, at, room, seq, from, reason, revealed, expiresAt, resolved] = unpack(bytes) as [
      number,
      AccountId,
      StampMs,
      RoomId,
      Seq,
      AccountId,
      string,
      [Seq, AccountId, StampMs, Uint8Array][],
      StampMs,
      [AccountId | null, StampMs, string] | null,
    ];
    return {
      by,
      at,
      room,
      seq,
      from,
      reason,
      revealed: revealed.map(([place, author, sentAt, content]) => ({ seq: place, from: author, sentAt, content })),
      expiresAt,
      resolved: resolved === null ? null : { by: resolved[0], at: resolved[1], resolution: resolved[2] },
    };
  },
};

export interface ReportsRow {
  readonly nextId: number;
  /** How many there are. */
  readonly kept: number;
}

export const reportsCodec: RowCodec<ReportsRow> = {
  encode: ({ nextId, kept }) => pack([V1, nextId, kept]),
  decode: (bytes) => {
    const [, nextId, kept] = unpack(bytes) as [number, number, number];
    return { nextId, kept };
  },
};
