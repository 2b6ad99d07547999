import { pack, unpack } from './pack.ts';
import { GONE_REASONS } from '../protocol/events.ts';
import type { GoneReason } from '../protocol/events.ts';
import type { RoomKind } from '../protocol/commands.ts';
import type { AccountId, DeviceId, Seq, StampMs, TxnId } from '../protocol/ids.ts';
import type { Relation } from '../protocol/envelope-extensions.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

export interface RoomRow {
  readonly kind: RoomKind;
  readonly creator: AccountId;
  readonly createdAt: StampMs;
  /** Of the newest envelope, 0 for none. */
  readonly lastSeq: Seq;
  /** Log index of the newest envelope, 0 for none. */
  readonly lastIndex: number;
  /** Roster version without its members' device versions; grows with every change of the members. */
  readonly base: number;
  /** Nothing more is written in it. */
  readonly archived: boolean;
  /** Who may write nothing before a time. */
  readonly mutes: readonly Mute[];
  /** How many links lead into it. */
  readonly links: number;
  /** What is written from now on disappears after so long; 0 for never. */
  readonly ttlMs: number;
  /** An admin of the server has closed it for good. */
  readonly purged: boolean;
  readonly places: Places;
  /** Messages are kept so long; 0 for as long as the server says. */
  readonly retentionMs: number;
  /** The first seq that has not gone for that. */
  readonly keptFrom: Seq;
  /** When it is to be looked at; 0 for not at all. */
  readonly keptUntil: number;
}

/** Where the members of a room stand: each has a place, which is never given again. */
export interface Places {
  readonly count: number;
  /** Of the longest-standing and of the newest member; 0 for none. */
  readonly first: number;
  readonly last: number;
  /** That the next one gets. */
  readonly next: number;
}

const KINDS: readonly RoomKind[] = ['direct', 'group', 'open'];

export interface Mute {
  readonly account: AccountId;
  readonly until: StampMs;
}

export const roomCodec: RowCodec<RoomRow> = {
  encode: (row) =>
    pack([
      V1,
      KINDS.indexOf(row.kind),
      row.creator,
      row.createdAt,
      row.lastSeq,
      row.lastIndex,
      row.base,
      row.archived,
      row.mutes.flatMap(({ account, until }) => [account, until]),
      row.links,
      row.ttlMs,
      row.purged,
      row.places.count,
      row.places.first,
      row.places.last,
      row.places.next,
      row.retentionMs,
      row.keptFrom,
      row.keptUntil,
    ]),
  decode: (bytes) => {
    const [, kind, creator, createdAt, lastSeq, lastIndex, base, archived, flat, links, ttlMs, purged, ...rest] =
      unpack(bytes) as [
        number,
        number,
        AccountId,
        StampMs,
        Seq,
        number,
        number,
        boolean,
        (string | number)[],
        number,
        number,
        boolean,
        number,
        number,
        number,
        number,
        number,
        Seq,
        number,
      ];
    const [count, first, last, next, retentionMs, keptFrom, keptUntil] = rest;
    const mutes: Mute[] = [];
    for (let i = 0; i < flat.length; i += 2) {
      mutes.push({ account: flat[i] as AccountId, until: flat[i + 1] as StampMs });
    }
    return {
      kind: KINDS[kind]!,
      creator,
      createdAt,
      lastSeq,
      lastIndex,
      base,
      archived,
      mutes,
      links,
      ttlMs,
      purged,
      places: { count, first, last, next },
      retentionMs,
      keptFrom,
      keptUntil,
    };
  },
};

export interface MetaRow {
  readonly by: AccountId;
  readonly at: StampMs;
  readonly sealedMeta: Uint8Array;
}

export const metaCodec: RowCodec<MetaRow> = {
  encode: (row) => pack([V1, row.by, row.at, row.sealedMeta]),
  decode: (bytes) => {
    const [, by, at, sealedMeta] = unpack(bytes) as [number, AccountId, StampMs, Uint8Array];
    return { by, at, sealedMeta };
  },
};

const RELATION_TYPES: readonly Relation['type'][] = ['edit', 'reaction'];

export interface MessageRow {
  /** Log index and place within that entry: resuming searches by them. */
  readonly index: number;
  readonly order: number;
  readonly from: AccountId;
  readonly device: DeviceId;
  readonly txnId: TxnId;
  readonly sentAt: StampMs;
  /** Empty when it is gone. */
  readonly envelope: Uint8Array;
  /** What it does to an earlier message; null for a message. */
  readonly relation: Relation | null;
  readonly gone: GoneReason | null;
}

export const messageCodec: RowCodec<MessageRow> = {
  encode: ({ index, order, from, device, txnId, sentAt, envelope, relation, gone }) =>
    pack([
      V1,
      index,
      order,
      from,
      device,
      txnId,
      sentAt,
      envelope,
      ...(relation === null && gone === null
        ? []
        : [
            relation === null ? null : [RELATION_TYPES.indexOf(relation.type), relation.seq],
            gone === null ? null : GONE_REASONS.indexOf(gone),
          ]),
    ]),
  decode: (bytes) => {
    const [, index, order, from, device, txnId, sentAt, envelope, relation = null, gone = null] = unpack(bytes) as [
      number,
      number,
      number,
      AccountId,
      DeviceId,
      TxnId,
      StampMs,
      Uint8Array,
      ([number, Seq] | null)?,
      (number | null)?,
    ];
    return {
      index,
      order,
      from,
      device,
      txnId,
      sentAt,
      envelope,
      relation: relation === null ? null : { type: RELATION_TYPES[relation[0]]!, seq: relation[1] },
      gone: gone === null ? null : GONE_REASONS[gone]!,
    };
  },
};

/** The seqs of all edits of and reactions to one message. */
export type RelationsRow = readonly Seq[];

export const relationsCodec: RowCodec<RelationsRow> = {
  encode: (row) => pack([V1, row]),
  decode: (bytes) => (unpack(bytes) as [number, Seq[]])[1],
};

/** A bit for each seq of a block, set while a message stands there. */
export type MessageBitsRow = Uint8Array;

export const messageBitsCodec: RowCodec<MessageBitsRow> = { encode: (bits) => bits, decode: (bytes) => bytes };

export interface Pin {
  readonly seq: Seq;
  readonly by: AccountId;
  readonly at: StampMs;
}

/** Of one room, in the order in which they were pinned. */
export type PinsRow = readonly Pin[];

export const pinsCodec: RowCodec<PinsRow> = {
  encode: (row) => pack([V1, row.map(({ seq, by, at }) => [seq, by, at])]),
  decode: (bytes) => {
    const [, list] = unpack(bytes) as [number, [Seq, AccountId, StampMs][]];
    return list.map(([seq, by, at]) => ({ seq, by, at }));
  },
};

/** A link by which people let themselves into a room. */
export interface LinkRow {
  readonly by: AccountId;
  readonly expiresAt: StampMs;
  /** How many more may use it. */
  readonly usesLeft: number;
}

export const linkCodec: RowCodec<LinkRow> = {
  encode: (row) => pack([V1, row.by, row.expiresAt, row.usesLeft]),
  decode: (bytes) => {
    const [, by, expiresAt, usesLeft] = unpack(bytes) as [number, AccountId, StampMs, number];
    return { by, expiresAt, usesLeft };
  },
};

/** Up to where everything was delivered to a device of an account, and read by it. */
export interface ReceiptRow {
  readonly delivered: number;
  readonly read: number;
  readonly at: StampMs;
}

export const receiptCodec: RowCodec<ReceiptRow> = {
  encode: (row) => pack([V1, row.delivered, row.read, row.at]),
  decode: (bytes) => {
    const [, delivered, read, at] = unpack(bytes) as [number, number, number, StampMs];
    return { delivered, read, at };
  },
};
