import { pack, unpack } from './pack.ts';
import type { Quotas } from '../protocol/commands.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

type QuotasWire = [fileBytes: number | null, messagesPerDay: number | null, rooms: number | null];
const toWire = (row: Quotas): QuotasWire => [row.fileBytes, row.messagesPerDay, row.rooms];
const fromWire = ([fileBytes, messagesPerDay, rooms]: QuotasWire): Quotas => ({ fileBytes, messagesPerDay, rooms });

/** Of one account. */
export const quotasCodec: RowCodec<Quotas> = {
  encode: (row) => pack([V1, ...toWire(row)]),
  decode: (bytes) => {
    const [, ...quotas] = unpack(bytes) as [number, ...QuotasWire];
    return fromWire(quotas);
  },
};

/** One row, because every message is held to it. */
export interface ServerLimitsRow {
  /** In no room messages are kept longer; 0 for ever. */
  readonly retentionMs: number;
  /** Of accounts that have none of their own. */
  readonly quotas: Quotas;
  /** How many have. */
  readonly ownQuotas: number;
}

export const NO_QUOTAS: Quotas = { fileBytes: null, messagesPerDay: null, rooms: null };
export const NO_SERVER_LIMITS: ServerLimitsRow = { retentionMs: 0, quotas: NO_QUOTAS, ownQuotas: 0 };

export const serverLimitsCodec: RowCodec<ServerLimitsRow> = {
  encode: (row) => pack([V1, row.retentionMs, row.ownQuotas, ...toWire(row.quotas)]),
  decode: (bytes) => {
    const [, retentionMs, ownQuotas, ...quotas] = unpack(bytes) as [number, number, number, ...QuotasWire];
    return { retentionMs, ownQuotas, quotas: fromWire(quotas) };
  },
};

/** Of one account. */
export interface SentTodayRow {
  /** Days since the Unix epoch. */
  readonly day: number;
  readonly count: number;
}

export const sentTodayCodec: RowCodec<SentTodayRow> = {
  encode: (row) => pack([V1, row.day, row.count]),
  decode: (bytes) => {
    const [, day, count] = unpack(bytes) as [number, number, number];
    return { day, count };
  },
};

/** The retention of the server was changed: every room has to be looked at. */
export interface RetentionJobRow {
  /** When, in milliseconds since the Unix epoch; also the time of its row in the expiry index. */
  readonly since: number;
  /** The last room that was; empty at first. */
  readonly after: string;
}

export const retentionJobCodec: RowCodec<RetentionJobRow> = {
  encode: (row) => pack([V1, row.since, row.after]),
  decode: (bytes) => {
    const [, since, after] = unpack(bytes) as [number, number, string];
    return { since, after };
  },
};
