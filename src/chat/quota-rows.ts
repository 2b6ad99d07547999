import { pack, unpack } from './pack.ts';
import type { Quotas } from '../protocol/commands.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

export const quotasCodec: RowCodec<Quotas> = {
  encode: (row) => pack([V1, row.fileBytes, row.messagesPerDay, row.rooms]),
  decode: (bytes) => {
    type Wire = [number, number | null, number | null, number | null];
    const [, fileBytes, messagesPerDay, rooms] = unpack(bytes) as Wire;
    return { fileBytes, messagesPerDay, rooms };
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
